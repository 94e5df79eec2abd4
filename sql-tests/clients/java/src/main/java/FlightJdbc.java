import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Cases of the Flight SQL JDBC driver: {@code FlightJdbc CASE PORT}; for {@code tls} also the authority's file and a stranger's. */
final class FlightJdbc {
    private static int port;

    public static void main(String[] arguments) throws Exception {
        port = Integer.parseInt(arguments[1]);
        switch (arguments[0]) {
            case "query" -> query();
            case "parameters" -> parameters();
            case "errors" -> errors();
            case "wrong_password" -> wrongPassword();
            case "policies" -> policies();
            case "large" -> large();
            case "cancel" -> cancel();
            case "metadata" -> metadata();
            case "tls" -> tls(arguments[2], arguments[3]);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static Connection connect(String user, String password) throws SQLException {
        return connect(user, password, "useEncryption=false");
    }

    private static Connection connect(String user, String password, String options) throws SQLException {
        var url = "jdbc:arrow-flight-sql://127.0.0.1:" + port + "?" + options + "&user=" + user + "&password=" + password;
        return DriverManager.getConnection(url);
    }

    /** Fails unless the action ends with an SQLException that says this. */
    private static void failsWith(String text, Check.Action action) throws Exception {
        try {
            action.run();
        } catch (SQLException expected) {
            var said = new StringBuilder();
            for (Throwable cause = expected; cause != null; cause = cause.getCause()) {
                said.append(cause).append('\n');
            }
            if (!said.toString().contains(text)) {
                throw new AssertionError(text + " expected: " + said, expected);
            }
            return;
        }
        throw new AssertionError("no exception, expected " + text);
    }

    private static void query() throws Exception {
        try (var connection = connect("alice", "demo"); var statement = connection.createStatement()) {
            try (var rows = statement.executeQuery("select c_custkey, c_name, c_acctbal from customer where c_custkey = 1")) {
                rows.next();
                Check.equal(rows.getLong(1), 1L);
                Check.equal(rows.getString(2), "Customer#000000001");
                Check.equal(rows.getBigDecimal(3).toPlainString(), "711.56");
                Check.equal(rows.next(), false);
            }
            long sum = 0;
            try (var rows = statement.executeQuery("select l_orderkey from lineitem")) {
                while (rows.next()) {
                    sum += rows.getLong(1);
                }
            }
            Check.equal(sum, 1_802_759_573L);
        }
    }

    private static void parameters() throws Exception {
        try (var connection = connect("alice", "demo");
                var statement = connection.prepareStatement("select c_name from customer where c_custkey = ? and c_mktsegment = ?")) {
            for (int round = 0; round < 3; round++) {
                statement.setLong(1, 1);
                statement.setString(2, "BUILDING");
                try (var rows = statement.executeQuery()) {
                    rows.next();
                    Check.equal(rows.getString(1), "Customer#000000001");
                    Check.equal(rows.next(), false);
                }
                statement.setLong(1, 2);
                try (var rows = statement.executeQuery()) {
                    Check.equal(rows.next(), false);
                }
            }
        }
    }

    private static void errors() throws Exception {
        try (var connection = connect("alice", "demo")) {
            failsWith("42601", () -> Check.one(connection, "selec 1"));
            failsWith("42P01", () -> Check.one(connection, "select * from no_such_table"));
            failsWith("22012", () -> Check.one(connection, "select 1 / (c_custkey - 1) from customer where c_custkey = 1"));
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    /** More than 100,000 rows from several endpoints, each row twice and nothing else. */
    private static void large() throws Exception {
        var columns = "select l_orderkey, l_linenumber, l_extendedprice, l_shipdate, l_comment from lineitem";
        try (var connection = connect("alice", "demo"); var statement = connection.createStatement()) {
            var counts = new HashMap<List<Object>, Integer>();
            long keys = 0;
            try (var rows = statement.executeQuery(columns + " union all " + columns)) {
                while (rows.next()) {
                    keys += rows.getLong(1);
                    var row = List.<Object>of(rows.getLong(1), rows.getInt(2), rows.getBigDecimal(3), rows.getDate(4).toString(), rows.getString(5));
                    counts.merge(row, 1, Integer::sum);
                }
            }
            Check.equal(counts.size(), 60_175);
            Check.equal(Set.copyOf(counts.values()), Set.of(2));
            Check.equal(keys, 2 * 1_802_759_573L);
            var total = counts.keySet().stream().map(row -> (BigDecimal) row.get(2)).reduce(BigDecimal.ZERO, BigDecimal::add);
            Check.equal(total, new BigDecimal(Check.one(connection, "select sum(l_extendedprice) from lineitem")));
            var letters = counts.keySet().stream().mapToLong(row -> ((String) row.get(4)).length()).sum();
            Check.equal(Long.toString(letters), Check.one(connection, "select sum(length(l_comment)) from lineitem"));
            long before = Long.MAX_VALUE;
            try (var rows = statement.executeQuery(columns + " order by l_orderkey desc")) {
                while (rows.next()) {
                    Check.equal(rows.getLong(1) <= before, true);
                    before = rows.getLong(1);
                }
            }
        }
    }

    private static void cancel() throws Exception {
        try (var connection = connect("alice", "demo"); var statement = connection.createStatement()) {
            // One that comes before the query has begun stops nothing: so it is sent until the query is over.
            var canceller = new Thread(() -> {
                try {
                    while (!Thread.currentThread().isInterrupted()) {
                        Thread.sleep(50);
                        statement.cancel();
                    }
                } catch (InterruptedException | SQLException over) {
                    // The query is over.
                }
            });
            canceller.start();
            try (var rows = statement.executeQuery("select count(*) from lineitem a, lineitem b, lineitem c")) {
                if (rows.next()) {
                    throw new AssertionError("the query was not cancelled");
                }
            } catch (SQLException expected) {
                // Cancelled before there were rows.
            }
            canceller.interrupt();
            canceller.join();
        }
        try (var connection = connect("alice", "demo")) {
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    private static void metadata() throws Exception {
        try (var bob = connect("bob", "demo")) {
            var names = new HashSet<String>();
            try (var columns = bob.getMetaData().getColumns("tpch", "tiny", "customer", null)) {
                while (columns.next()) {
                    names.add(columns.getString("COLUMN_NAME"));
                }
            }
            Check.equal(names.contains("c_phone"), true);
            Check.equal(names.contains("c_acctbal"), false);
            Check.equal(bob.getMetaData().getDatabaseProductName(), "Naru");
        }
        try (var carol = connect("carol", "demo"); var tables = carol.getMetaData().getTables(null, null, "%", null)) {
            Check.equal(tables.next(), false);
        }
    }

    private static void tls(String ours, String strangers) throws Exception {
        try (var bob = connect("bob", "demo", "useEncryption=true&tlsRootCerts=" + ours)) {
            Check.equal(Check.one(bob, "select c_phone from customer where c_custkey = 1"), "XXXXXXXXXXX2988");
        }
        for (var options : new String[] {"useEncryption=true&tlsRootCerts=" + strangers, "useEncryption=true", "useEncryption=false"}) {
            failsWith("", () -> connect("bob", "demo", options).close());
        }
    }

    private static void wrongPassword() throws Exception {
        for (var user : new String[] {"alice", "nobody"}) {
            failsWith("28P01", () -> connect(user, "wrong").close());
        }
    }

    private static void policies() throws Exception {
        try (var bob = connect("bob", "demo")) {
            Check.equal(Check.one(bob, "select c_phone from customer where c_custkey = 1"), "XXXXXXXXXXX2988");
            Check.equal(Check.one(bob, "select count(distinct c_mktsegment) from customer"), "1");
        }
        try (var carol = connect("carol", "demo")) {
            Check.equal(Check.one(carol, "select 1"), "1");
            failsWith("42P01", () -> Check.one(carol, "select 1 from customer"));
        }
    }
}
