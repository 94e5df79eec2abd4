import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Properties;
import org.postgresql.PGConnection;

/** Cases of pgjdbc: {@code PgJdbc CASE PORT [CA WRONG_CA]}, the files where the server has TLS. */
final class PgJdbc {
    private static int port;

    public static void main(String[] arguments) throws Exception {
        port = Integer.parseInt(arguments[1]);
        switch (arguments[0]) {
            case "query" -> query();
            case "parameters" -> parameters();
            case "types" -> types();
            case "errors" -> errors();
            case "wrong_password" -> wrongPassword();
            case "cancel" -> cancel();
            case "fetch_size" -> fetchSize();
            case "policies" -> policies();
            case "transactions" -> transactions();
            case "server_prepared" -> serverPrepared();
            case "timeout" -> timeout();
            case "metadata" -> metadata();
            case "cancel_between_fetches" -> cancelBetweenFetches();
            case "big_results" -> bigResults();
            case "tls" -> tls(arguments[2], arguments[3], "postgres");
            case "tls_at_once" -> tls(arguments[2], arguments[3], "direct");
            case "channel_binding" -> channelBinding(arguments[2]);
            case "cancel_beside_tls" -> cancelled(connect("alice", trusting(arguments[2])), CROSS_JOIN);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static Connection connect(String user, String... options) throws SQLException {
        var properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", "demo");
        for (int i = 0; i < options.length; i += 2) {
            properties.setProperty(options[i], options[i + 1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/tpch", properties);
    }

    private static void query() throws Exception {
        try (var connection = connect("alice"); var statement = connection.createStatement();
                var rows = statement.executeQuery("select c_custkey, c_name, c_acctbal from customer where c_custkey = 1")) {
            rows.next();
            Check.equal(rows.getLong("c_custkey"), 1L);
            Check.equal(rows.getString("c_name"), "Customer#000000001");
            Check.equal(rows.getBigDecimal("c_acctbal"), new BigDecimal("711.56"));
            Check.equal(rows.next(), false);
        }
    }

    private static void parameters() throws Exception {
        var sql = "select ?::int, ?::bigint, ?::smallint, ?::float8, ?::float4, ?::numeric(20,4), ?::text, ?::boolean, ?::date,"
                + " ?::timestamp, ?::timestamptz, ?::bytea";
        for (var mode : new String[] {"extended", "extendedForPrepared"}) {
            for (var binary : new String[] {"true", "false"}) {
                try (var connection = connect("alice", "preferQueryMode", mode, "binaryTransfer", binary, "prepareThreshold", "1");
                        var statement = connection.prepareStatement(sql)) {
                    for (int round = 0; round < 7; round++) {
                        statement.setInt(1, -5);
                        statement.setLong(2, 1L << 40);
                        statement.setShort(3, (short) 7);
                        statement.setDouble(4, 2.5);
                        statement.setFloat(5, 0.5f);
                        statement.setBigDecimal(6, new BigDecimal("1234567890.1234"));
                        statement.setString(7, "나루 'quoted'");
                        statement.setBoolean(8, true);
                        statement.setObject(9, LocalDate.of(2024, 2, 29));
                        statement.setObject(10, LocalDateTime.of(2024, 2, 29, 13, 14, 15, 123_456_000));
                        statement.setObject(11, OffsetDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneOffset.ofHours(9)));
                        statement.setBytes(12, new byte[] {0, 1, (byte) 255});
                        try (var rows = statement.executeQuery()) {
                            rows.next();
                            Check.equal(rows.getInt(1), -5);
                            Check.equal(rows.getLong(2), 1L << 40);
                            Check.equal(rows.getShort(3), (short) 7);
                            Check.equal(rows.getDouble(4), 2.5);
                            Check.equal(rows.getFloat(5), 0.5f);
                            Check.equal(rows.getBigDecimal(6), new BigDecimal("1234567890.1234"));
                            Check.equal(rows.getString(7), "나루 'quoted'");
                            Check.equal(rows.getBoolean(8), true);
                            Check.equal(rows.getObject(9, LocalDate.class), LocalDate.of(2024, 2, 29));
                            Check.equal(rows.getObject(10, LocalDateTime.class), LocalDateTime.of(2024, 2, 29, 13, 14, 15, 123_456_000));
                            Check.equal(rows.getObject(11, OffsetDateTime.class).toInstant(),
                                    OffsetDateTime.of(2024, 7, 1, 3, 0, 0, 0, ZoneOffset.UTC).toInstant());
                            Check.equal(rows.getBytes(12).length, 3);
                        }
                    }
                }
            }
        }
        try (var connection = connect("alice");
                var statement = connection.prepareStatement("select count(*) from customer where c_custkey <= ? and c_mktsegment = ?")) {
            statement.setLong(1, 10);
            statement.setString(2, "BUILDING");
            try (var rows = statement.executeQuery()) {
                rows.next();
                Check.equal(rows.getLong(1), 2L);
            }
            statement.setNull(1, Types.BIGINT);
            statement.setString(2, "BUILDING");
            try (var rows = statement.executeQuery()) {
                rows.next();
                Check.equal(rows.getLong(1), 0L);
            }
        }
    }

    private static void types() throws Exception {
        var sql = "select 1::int as i, 2::bigint as b, 1.50::numeric(10,2) as n, 'x' as t, true as f, date '2024-02-29' as d,"
                + " timestamp '2024-02-29 13:14:15' as ts, 0.5::float8 as r, null as z";
        try (var connection = connect("alice"); var statement = connection.prepareStatement(sql); var rows = statement.executeQuery()) {
            var columns = rows.getMetaData();
            var expected = new int[] {Types.INTEGER, Types.BIGINT, Types.NUMERIC, Types.VARCHAR, Types.BIT, Types.DATE, Types.TIMESTAMP, Types.DOUBLE};
            for (int i = 0; i < expected.length; i++) {
                Check.equal(columns.getColumnType(i + 1), expected[i]);
            }
            Check.equal(columns.getColumnLabel(3), "n");
            Check.equal(columns.getPrecision(3), 10);
            Check.equal(columns.getScale(3), 2);
            rows.next();
            Check.equal(rows.getDate("d"), Date.valueOf("2024-02-29"));
            Check.equal(rows.getTimestamp("ts"), Timestamp.valueOf("2024-02-29 13:14:15"));
            Check.equal(rows.getObject("z"), null);
            Check.equal(rows.wasNull(), true);
        }
    }

    private static void errors() throws Exception {
        try (var connection = connect("alice"); var statement = connection.createStatement()) {
            Check.failsWith("42601", () -> statement.executeQuery("selec 1"));
            Check.failsWith("42P01", () -> statement.executeQuery("select * from no_such_table"));
            Check.failsWith("42703", () -> statement.executeQuery("select no_such_column from customer"));
            Check.failsWith("22012", () -> statement.executeQuery("select 1 / (c_custkey - 1) from customer"));
            Check.failsWith("25006", () -> statement.executeUpdate("delete from customer"));
            Check.failsWith("3D000", () -> DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/nowhere", "alice", "demo"));
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    private static void wrongPassword() throws Exception {
        for (var user : new String[] {"alice", "nobody"}) {
            Check.failsWith("28P01", () -> connect(user, "password", "wrong"));
        }
    }

    private static final String CROSS_JOIN = "select count(*) from lineitem a, lineitem b, lineitem c";

    private static void cancel() throws Exception {
        cancelled(connect("alice"), CROSS_JOIN);
        // The driver keeps all rows of a result without fetch size: it is cancelled while they flow.
        cancelled(connect("alice"), "select a.l_orderkey from lineitem a, lineitem b, lineitem c");
    }

    /** {@code Statement.cancel} ends the statement, and the session goes on. */
    private static void cancelled(Connection connection, String sql) throws Exception {
        try (connection; var statement = connection.createStatement()) {
            // One that comes before the query has begun stops nothing: so it is sent until the query is over.
            var canceller = new Thread(() -> {
                try {
                    while (!Thread.currentThread().isInterrupted()) {
                        statement.cancel();
                        Thread.sleep(20);
                    }
                } catch (InterruptedException | SQLException over) {
                    // The query is over.
                }
            });
            canceller.start();
            Check.failsWith("57014", () -> statement.executeQuery(sql));
            canceller.interrupt();
            canceller.join();
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    private static void cancelBetweenFetches() throws Exception {
        try (var connection = connect("alice"); var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.setFetchSize(100);
            var rows = statement.executeQuery("select a.l_orderkey from lineitem a, lineitem b, lineitem c");
            for (int i = 0; i < 150; i++) {
                rows.next();
            }
            statement.cancel();
            // Between two fetches nothing runs: what was cancelled then goes on, as in PostgreSQL.
            connection.unwrap(PGConnection.class).cancelQuery();
            rows.close();
            connection.rollback();
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    private static void bigResults() throws Exception {
        try (var connection = connect("alice"); var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            for (int size : new int[] {0, 5000}) {
                statement.setFetchSize(size);
                try (var rows = statement.executeQuery("select l_orderkey, l_comment from tpch.sf1.lineitem limit 100000")) {
                    int count = 0;
                    while (rows.next()) {
                        count++;
                        Check.equal(rows.getString(2).isEmpty(), false);
                    }
                    Check.equal(count, 100_000);
                }
            }
        }
    }

    private static String[] trusting(String ca) {
        return new String[] {"sslmode", "verify-full", "sslrootcert", ca};
    }

    private static void tls(String ca, String wrong, String negotiation) throws Exception {
        try (var connection = connect("bob", "sslmode", "verify-full", "sslrootcert", ca, "sslNegotiation", negotiation)) {
            Check.equal(Check.one(connection, "select c_phone from customer where c_custkey = 1"), "XXXXXXXXXXX2988");
        }
        Check.failsWith("08006", () -> connect("bob", "sslmode", "verify-full", "sslrootcert", wrong, "sslNegotiation", negotiation));
        Check.failsWith("28000", () -> connect("bob", "sslmode", "disable"));
        Check.failsWith("28P01", () -> connect("bob", "sslmode", "verify-full", "sslrootcert", ca, "password", "wrong"));
    }

    private static void channelBinding(String ca) throws Exception {
        // `require` fails unless the exchange was SCRAM-SHA-256-PLUS.
        for (var binding : new String[] {"require", "disable"}) {
            try (var connection = connect("bob", "sslmode", "verify-full", "sslrootcert", ca, "channelBinding", binding)) {
                Check.equal(Check.one(connection, "select current_user"), "bob");
            }
        }
    }

    private static void fetchSize() throws Exception {
        try (var connection = connect("alice"); var statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            // 60,175 rows: neither a multiple of the fetch size nor of a batch.
            for (int size : new int[] {0, 1000, 60_175, 7919}) {
                statement.setFetchSize(size);
                long count = 0;
                long sum = 0;
                try (var rows = statement.executeQuery("select l_orderkey from lineitem")) {
                    while (rows.next()) {
                        count++;
                        sum += rows.getLong(1);
                    }
                }
                Check.equal(count, 60_175L);
                Check.equal(sum, 1_802_759_573L);
            }
            // Left in the middle: the next statement works.
            statement.setFetchSize(10);
            try (var rows = statement.executeQuery("select l_orderkey from lineitem")) {
                rows.next();
            }
            Check.equal(Check.one(connection, "select count(*) from region"), "5");
            connection.commit();
        }
    }

    private static void policies() throws Exception {
        try (var bob = connect("bob")) {
            Check.equal(Check.one(bob, "select c_phone from customer where c_custkey = 1"), "XXXXXXXXXXX2988");
            Check.equal(Check.one(bob, "select count(distinct c_mktsegment) from customer"), "1");
            Check.failsWith("42501", () -> Check.one(bob, "select c_acctbal from customer"));
            Check.failsWith("42501", () -> bob.prepareStatement("select * from customer where c_custkey = ?").getMetaData());
        }
        try (var carol = connect("carol")) {
            Check.equal(Check.one(carol, "select 1"), "1");
            Check.failsWith("3D000", () -> Check.one(carol, "select 1 from tpch.tiny.customer"));
            Check.failsWith("42P01", () -> Check.one(carol, "select 1 from customer"));
        }
    }

    private static void transactions() throws Exception {
        try (var connection = connect("alice")) {
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            Check.equal(Check.one(connection, "select 1"), "1");
            Check.failsWith("42703", () -> Check.one(connection, "select nope"));
            Check.failsWith("25P02", () -> Check.one(connection, "select 1"));
            connection.rollback();
            Check.equal(Check.one(connection, "select 2"), "2");
            connection.commit();
            connection.setAutoCommit(true);
            Check.equal(connection.isValid(5), true);
        }
    }

    private static void serverPrepared() throws Exception {
        try (var connection = connect("alice", "prepareThreshold", "2");
                var statement = connection.prepareStatement("select c_name from customer where c_custkey = ?")) {
            for (int key = 1; key <= 12; key++) {
                statement.setInt(1, key);
                try (var rows = statement.executeQuery()) {
                    rows.next();
                    Check.equal(rows.getString(1), String.format("Customer#%09d", key));
                }
            }
        }
    }

    private static void timeout() throws Exception {
        try (var connection = connect("alice"); var statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            Check.failsWith("57014", () -> statement.executeQuery("select count(*) from lineitem a, lineitem b, lineitem c"));
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    private static void metadata() throws Exception {
        try (var connection = connect("bob")) {
            var metadata = connection.getMetaData();
            Check.equal(metadata.getDatabaseMajorVersion(), 16);
            try (var tables = metadata.getTables(null, "tiny", "cust%", new String[] {"TABLE"})) {
                tables.next();
                Check.equal(tables.getString("TABLE_NAME"), "customer");
                Check.equal(tables.next(), false);
            }
            var columns = new java.util.ArrayList<String>();
            try (var rows = metadata.getColumns(null, "tiny", "customer", null)) {
                while (rows.next()) {
                    columns.add(rows.getString("COLUMN_NAME"));
                }
            }
            Check.equal(columns.contains("c_phone"), true);
            Check.equal(columns.contains("c_acctbal"), false);
        }
    }
}
