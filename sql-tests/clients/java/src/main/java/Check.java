import java.sql.Connection;
import java.sql.SQLException;
import java.util.Objects;

/** What a case says when it fails. */
final class Check {
    private Check() {}

    interface Action {
        void run() throws Exception;
    }

    static void equal(Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) {
            throw new AssertionError("expected " + expected + ", got " + actual);
        }
    }

    /** Fails unless the action ends with this SQLSTATE. */
    static SQLException failsWith(String sqlstate, Action action) throws Exception {
        try {
            action.run();
        } catch (SQLException exception) {
            equal(exception.getSQLState(), sqlstate);
            return exception;
        }
        throw new AssertionError("no exception, expected SQLSTATE " + sqlstate);
    }

    static String one(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement(); var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getString(1);
        }
    }
}
