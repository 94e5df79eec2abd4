-- Makes and fills mydata.api_request with the ids @first, @first + @step, ... (@rows of them). Every value follows from the
-- id alone, so a shard and a copy of all shards hold the same rows. For MariaDB and MySQL 8.
--   @shards  shards in all; a row lies on shard id mod @shards, and so does its user
--   @users   users in all, a multiple of @shards
CREATE DATABASE IF NOT EXISTS mydata CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE mydata;
SET NAMES utf8mb4 COLLATE utf8mb4_general_ci;

CREATE TABLE api_request (
    id BIGINT NOT NULL PRIMARY KEY,
    request_at DATETIME(6) NOT NULL,
    org_code VARCHAR(16) NOT NULL,
    api_code VARCHAR(16) NOT NULL,
    user_id INT NOT NULL,
    ms INT COMMENT 'NULL when there was no answer',
    status VARCHAR(10) NOT NULL,
    amount DECIMAL(18, 2)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT 'Calls of the open API, one row a call';

INSERT INTO api_request
WITH RECURSIVE digits AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM digits WHERE n < 999),
ids AS (
    SELECT CAST(@first + @step * (a.n * 1000000 + b.n * 1000 + c.n) AS SIGNED) AS id
    FROM digits a CROSS JOIN digits b CROSS JOIN digits c
    WHERE a.n * 1000000 < @rows AND a.n * 1000000 + b.n * 1000 < @rows AND a.n * 1000000 + b.n * 1000 + c.n < @rows
),
drawn AS (SELECT id, SHA1(CONCAT('naru request ', id)) AS h FROM ids)
SELECT
    id,
    TIMESTAMP '2026-01-01 00:00:00' + INTERVAL CAST(CONV(SUBSTR(h, 1, 10), 16, 10) AS UNSIGNED) % 864000000000 MICROSECOND,
    -- Codes that a case-insensitive collation with padding takes for equal.
    ELT(1 + CONV(SUBSTR(h, 11, 3), 16, 10) % 8,
        'bank-01', 'BANK-01', 'bank-01 ', 'bank-02', 'card-01', 'Card-01', 'card-02', 'pay-01'),
    ELT(1 + CONV(SUBSTR(h, 14, 3), 16, 10) % 6, 'balance', 'transfer', 'Transfer', 'history', 'limit', 'limit '),
    IF(id % @shards = 0, @shards, id % @shards)
        + @shards * (CONV(SUBSTR(h, 17, 6), 16, 10) % (@users DIV @shards)),
    -- Most calls are quick, some are not, some have no answer.
    CASE CONV(SUBSTR(h, 23, 2), 16, 10) % 32 WHEN 0 THEN NULL
        WHEN 1 THEN 100 + CONV(SUBSTR(h, 25, 4), 16, 10) % 5000
        ELSE 5 + CONV(SUBSTR(h, 25, 4), 16, 10) % 100 END,
    CASE CONV(SUBSTR(h, 29, 2), 16, 10) % 32 WHEN 0 THEN 'ERROR' WHEN 1 THEN 'ok' WHEN 2 THEN 'INTERNAL' WHEN 3 THEN 'INTERNAL'
        ELSE 'OK' END,
    -- Some are refunds, some have no amount.
    IF(CONV(SUBSTR(h, 31, 2), 16, 10) % 10 = 0, NULL,
        CAST(CONV(SUBSTR(h, 33, 8), 16, 10) % 1000000000 - 50000000 AS DECIMAL(18, 0)) / 100)
FROM drawn
ORDER BY id;

-- Sorting all keys at once takes half the time of keeping them sorted.
ALTER TABLE api_request ADD KEY (user_id);
