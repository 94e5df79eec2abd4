"""Cases of psycopg 3: `psycopg_cases.py CASE PORT [CA WRONG_CA]`, the files where the server has TLS."""

import datetime as dt
import decimal
import sys
import threading

import psycopg

PORT = int(sys.argv[2])


def connect(user: str, password: str = "demo", **options) -> psycopg.Connection:
    return psycopg.connect(host="127.0.0.1", port=PORT, user=user, password=password, dbname="tpch", **options)


def fails_with(sqlstate: str, action) -> psycopg.Error:
    try:
        action()
    except psycopg.Error as error:
        assert error.sqlstate == sqlstate, f"{sqlstate} expected: {error.sqlstate} {error}"
        return error
    raise AssertionError(f"no error, {sqlstate} expected")


def query() -> None:
    with connect("alice") as connection:
        row = connection.execute("select c_custkey, c_name, c_acctbal from customer where c_custkey = 1").fetchone()
        assert row == (1, "Customer#000000001", decimal.Decimal("711.56")), row


def parameters() -> None:
    values = [
        ("int", 5), ("bigint", 1 << 40), ("smallint", -7), ("float8", 2.5), ("numeric(20,4)", decimal.Decimal("1234.5678")),
        ("text", "나루 'quoted'"), ("boolean", True), ("date", dt.date(2024, 2, 29)),
        ("timestamp", dt.datetime(2024, 2, 29, 13, 14, 15, 123456)),
        ("timestamptz", dt.datetime(2024, 7, 1, 3, 0, tzinfo=dt.timezone.utc)),
        ("time", dt.time(13, 14, 15, 500000)), ("bytea", b"\x00\x01\xff"), ("text", None),
    ]
    sql = "select " + ", ".join(f"%s::{kind} as c{i}" for i, (kind, _) in enumerate(values))
    with connect("alice") as connection:
        for binary in (False, True):
            for _ in range(7):  # psycopg prepares on the server after five executions
                row = connection.execute(sql, [value for _, value in values], binary=binary).fetchone()
                assert list(row) == [value for _, value in values], row
        keys = connection.execute("select c_custkey from customer where c_custkey = any(%s) order by 1", ([3, 1, 2],)).fetchall()
        assert keys == [(1,), (2,), (3,)], keys


def errors() -> None:
    with connect("alice", autocommit=True) as connection:
        fails_with("42601", lambda: connection.execute("selec 1"))
        fails_with("42P01", lambda: connection.execute("select * from no_such_table"))
        fails_with("22012", lambda: connection.execute("select 1 / (c_custkey - %s) from customer", (1,)))
        fails_with("25006", lambda: connection.execute("drop table customer"))
        assert connection.execute("select 1").fetchone() == (1,)


def wrong_password() -> None:
    for user in ("alice", "nobody"):
        try:
            connect(user, password="wrong")
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error), error
        else:
            raise AssertionError("logged in with a wrong password")


def cancel() -> None:
    with connect("alice", autocommit=True) as connection:
        rows = connection.cursor().stream("select a.l_orderkey from lineitem a, lineitem b, lineitem c")
        next(rows)
        canceller = threading.Thread(target=connection.cancel_safe)
        canceller.start()
        fails_with("57014", lambda: [None for _ in rows])
        canceller.join()
        assert connection.execute("select 1").fetchone() == (1,)


def cancelled(sql: str, **options) -> None:
    """Cancels before the first row comes. One that comes before the query has begun stops nothing: so it is sent until it is over."""
    with connect("alice", autocommit=True, **options) as connection:
        over = threading.Event()

        def keep_cancelling() -> None:
            while not over.wait(0.05):
                connection.cancel_safe(timeout=20)

        canceller = threading.Thread(target=keep_cancelling)
        canceller.start()
        try:
            fails_with("57014", lambda: connection.execute(sql))
        finally:
            over.set()
            canceller.join()
        # A request may still be on its way when the query is over, and stop the next one.
        for attempt in range(20):
            try:
                assert connection.execute("select 1").fetchone() == (1,)
                break
            except psycopg.errors.QueryCanceled:
                assert attempt < 19


def cancel_before_the_first_row() -> None:
    cancelled("select count(*) from lineitem a, lineitem b, lineitem c")


def big_results() -> None:
    sql = "select l_orderkey, l_comment from tpch.sf1.lineitem limit 100000"
    with connect("alice") as connection:
        rows = connection.execute(sql).fetchall()
        assert len(rows) == 100_000 and all(comment for _, comment in rows), len(rows)
        assert sum(1 for _ in connection.cursor().stream(sql)) == 100_000
        # libpq 17 and later: so many rows at a time.
        assert sum(1 for _ in connection.cursor().stream(sql, size=1000)) == 100_000


def tls() -> None:
    ca, wrong = sys.argv[3:5]
    with connect("bob", sslmode="verify-full", sslrootcert=ca) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("select c_phone from customer where c_custkey = 1").fetchone() == ("XXXXXXXXXXX2988",)
    for options in ({"sslrootcert": wrong}, {"sslrootcert": ca, "host": "naru.invalid", "hostaddr": "127.0.0.1"}):
        try:
            refused = {"host": "127.0.0.1", **options}
            psycopg.connect(port=PORT, user="bob", password="demo", dbname="tpch", sslmode="verify-full", **refused)
        except psycopg.OperationalError as error:
            assert "certificate" in str(error), error
        else:
            raise AssertionError(f"connected with {options}")
    try:
        connect("bob", sslmode="disable")
    except psycopg.OperationalError as error:
        assert "TLS" in str(error), error
    else:
        raise AssertionError("connected without TLS")


def tls_at_once() -> None:
    ca, wrong = sys.argv[3:5]
    with connect("bob", sslmode="verify-full", sslrootcert=ca, sslnegotiation="direct") as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    try:
        connect("bob", sslmode="verify-full", sslrootcert=wrong, sslnegotiation="direct")
    except psycopg.OperationalError as error:
        assert "certificate" in str(error), error
    else:
        raise AssertionError("connected to a stranger")


def channel_binding() -> None:
    ca = sys.argv[3]
    for negotiation in ("postgres", "direct"):
        options = {"sslmode": "verify-full", "sslrootcert": ca, "sslnegotiation": negotiation}
        # `require` fails unless the exchange was SCRAM-SHA-256-PLUS.
        with connect("bob", channel_binding="require", require_auth="scram-sha-256", **options) as connection:
            assert connection.execute("select current_user").fetchone() == ("bob",)
        with connect("bob", channel_binding="disable", **options) as connection:
            assert connection.execute("select current_user").fetchone() == ("bob",)
        try:
            connect("bob", password="wrong", channel_binding="require", **options)
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error), error
        else:
            raise AssertionError("logged in with a wrong password")


def cancel_inside_tls() -> None:
    """libpq 17 and later cancel over TLS, as the session runs."""
    ca = sys.argv[3]
    assert psycopg.pq.version() >= 170000, psycopg.pq.version()
    cancelled("select count(*) from lineitem a, lineitem b, lineitem c", sslmode="verify-full", sslrootcert=ca)


def newest_protocol() -> None:
    """Protocol 3.2 with its long cancel keys, and `latest`, which greases."""
    assert psycopg.pq.version() >= 180000, psycopg.pq.version()
    for options in ({"min_protocol_version": "3.2", "max_protocol_version": "3.2"}, {"max_protocol_version": "latest"}, {}):
        with connect("alice", **options) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    cancelled("select count(*) from lineitem a, lineitem b, lineitem c", min_protocol_version="3.2", max_protocol_version="3.2")


def stream() -> None:
    with connect("alice") as connection:
        total = sum(key for (key,) in connection.cursor().stream("select l_orderkey from lineitem"))
        assert total == 1_802_759_573, total


def pipeline() -> None:
    with connect("alice", autocommit=True) as connection:
        with connection.pipeline():
            cursors = [connection.execute("select %s::int", (i,)) for i in range(20)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(20))


def transactions() -> None:
    with connect("alice") as connection:
        fails_with("42703", lambda: connection.execute("select nope"))
        fails_with("25P02", lambda: connection.execute("select 1"))
        connection.rollback()
        with connection.transaction():
            assert connection.execute("select 1").fetchone() == (1,)


def policies() -> None:
    with connect("bob", autocommit=True) as bob:
        assert bob.execute("select c_phone from customer where c_custkey = %s", (1,)).fetchone() == ("XXXXXXXXXXX2988",)
        fails_with("42501", lambda: bob.execute("select c_acctbal from customer"))
        assert bob.execute("select distinct c_mktsegment from customer").fetchall() == [("BUILDING",)]
    with connect("carol", autocommit=True) as carol:
        fails_with("42P01", lambda: carol.execute("select * from customer"))
        assert carol.execute("select 1").fetchone() == (1,)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
