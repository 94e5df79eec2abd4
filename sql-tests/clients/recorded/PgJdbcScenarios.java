import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** Scenarios of pgjdbc for record.py: {@code PgJdbcScenarios.java SCENARIO PORT}. */
final class PgJdbcScenarios {
    public static void main(String[] arguments) throws Exception {
        var url = "jdbc:postgresql://127.0.0.1:" + arguments[1] + "/tpch";
        try (Connection connection = DriverManager.getConnection(url, "alice", "demo"); Statement statement = connection.createStatement()) {
            switch (arguments[0]) {
                case "start_up" -> statement.executeQuery("select 1 as naru_alias");
                case "prepare" -> {
                    try (var prepared = connection.prepareStatement("select ?::int4 + 1 as naru_alias, ?::text as t")) {
                        for (int i = 0; i < 7; i++) {
                            prepared.setInt(1, i);
                            prepared.setString(2, "x");
                            prepared.executeQuery().close();
                        }
                    }
                }
                case "fetch_size" -> {
                    connection.setAutoCommit(false);
                    statement.setFetchSize(2);
                    var rows = statement.executeQuery("select x as naru_alias from (values (1), (2), (3), (4), (5)) v(x)");
                    while (rows.next()) {}
                    connection.commit();
                }
                case "error" -> {
                    for (var sql : new String[] {"select 1/0 as naru_alias", "selec 1", "select * from no_such_table"}) {
                        try {
                            statement.executeQuery(sql);
                        } catch (SQLException expected) {
                            // What it is about.
                        }
                    }
                }
                case "cancel" -> {
                    statement.setQueryTimeout(1);
                    try {
                        statement.executeQuery("select count(*) as naru_alias from generate_series(1, 1000000) a, generate_series(1, 1000000) b");
                    } catch (SQLException expected) {
                        // What it is about.
                    }
                    statement.setQueryTimeout(0);
                    statement.executeQuery("select 1 as naru_alias");
                }
                default -> {
                    // What pools do: is it alive, and back to how it was.
                    connection.setReadOnly(true);
                    connection.setAutoCommit(false);
                    statement.executeQuery("select 1 as naru_alias");
                    connection.rollback();
                    connection.setAutoCommit(true);
                    connection.setReadOnly(false);
                    connection.isValid(5);
                    statement.execute("DISCARD ALL");
                    statement.executeQuery("select 1 as naru_alias");
                }
            }
        }
    }
}
