import java.sql.DriverManager;

/** Connects to a URL of the README and says what the first row of a query is. */
public final class Connect {
    private Connect() {}

    public static void main(String[] arguments) throws Exception {
        try (var connection = DriverManager.getConnection(arguments[0])) {
            System.out.println(Check.one(connection, arguments[1]));
        }
    }
}
