import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** Cases of the Flight SQL JDBC driver: {@code FlightJdbc CASE PORT}. */
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
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static Connection connect(String user, String password) throws SQLException {
        var url = "jdbc:arrow-flight-sql://127.0.0.1:" + port + "?useEncryption=false&user=" + user + "&password=" + password;
        return DriverManager.getConnection(url);
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
            statement.setLong(1, 1);
            statement.setString(2, "BUILDING");
            try (var rows = statement.executeQuery()) {
                rows.next();
                Check.equal(rows.getString(1), "Customer#000000001");
            }
        }
    }

    private static void errors() throws Exception {
        try (var connection = connect("alice", "demo")) {
            for (var sql : new String[] {"selec 1", "select * from no_such_table"}) {
                try {
                    Check.one(connection, sql);
                    throw new AssertionError(sql + " succeeds");
                } catch (SQLException expected) {
                    continue;
                }
            }
            Check.equal(Check.one(connection, "select 1"), "1");
        }
    }

    private static void wrongPassword() throws Exception {
        try {
            connect("alice", "wrong").close();
        } catch (SQLException expected) {
            return;
        }
        throw new AssertionError("logged in with a wrong password");
    }

    private static void policies() throws Exception {
        try (var bob = connect("bob", "demo")) {
            Check.equal(Check.one(bob, "select c_phone from customer where c_custkey = 1"), "XXXXXXXXXXX2988");
            Check.equal(Check.one(bob, "select count(distinct c_mktsegment) from customer"), "1");
        }
        try (var carol = connect("carol", "demo")) {
            Check.equal(Check.one(carol, "select 1"), "1");
            try {
                Check.one(carol, "select 1 from customer");
            } catch (SQLException expected) {
                return;
            }
            throw new AssertionError("carol sees customer");
        }
    }
}
