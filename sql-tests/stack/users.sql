-- Makes and fills mydata.users with the users of one shard: those of 1 to @users that are equal to @first modulo @shards.
-- Every value follows from the user_id alone. For MariaDB and MySQL 8.
CREATE DATABASE IF NOT EXISTS mydata CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE mydata;
SET NAMES utf8mb4 COLLATE utf8mb4_general_ci;

CREATE TABLE users (
    user_id INT NOT NULL PRIMARY KEY,
    name VARCHAR(20) NOT NULL,
    phone VARCHAR(20) NOT NULL,
    grade VARCHAR(10) NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;

INSERT INTO users
WITH RECURSIVE digits AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM digits WHERE n < 999),
ids AS (
    SELECT @first + @shards * (a.n * 1000 + b.n) AS id
    FROM digits a CROSS JOIN digits b
    WHERE @first + @shards * a.n * 1000 <= @users AND @first + @shards * (a.n * 1000 + b.n) <= @users
),
drawn AS (SELECT id, SHA1(CONCAT('naru user ', id)) AS h FROM ids)
SELECT
    id,
    CONCAT(ELT(1 + CONV(SUBSTR(h, 1, 3), 16, 10) % 8, '김', '이', '박', '최', '정', '강', '조', '윤'),
        ELT(1 + CONV(SUBSTR(h, 4, 3), 16, 10) % 8, '민준', '서연', '도현', '지우', '하은', '준서', '수아', '시우')),
    CONCAT('010-', LPAD(CONV(SUBSTR(h, 7, 6), 16, 10) % 10000, 4, '0'), '-', LPAD(CONV(SUBSTR(h, 13, 6), 16, 10) % 10000, 4, '0')),
    ELT(1 + CONV(SUBSTR(h, 19, 3), 16, 10) % 4, 'BRONZE', 'SILVER', 'GOLD', 'VIP')
FROM drawn
ORDER BY id;
