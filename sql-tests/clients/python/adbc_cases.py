"""Cases of ADBC's Flight SQL driver: `adbc_cases.py CASE PORT`; for `tls` also the authority's file and a stranger's."""

import collections
import datetime as dt
import pathlib
import sys
import threading

import adbc_driver_flightsql.dbapi as flight
import adbc_driver_manager
from adbc_driver_flightsql import DatabaseOptions

PORT = int(sys.argv[2])


def connect(user: str, password: str = "demo", scheme: str = "grpc", **options: str):
    options = {"username": user, "password": password, **options}
    return flight.connect(f"{scheme}://127.0.0.1:{PORT}", options, autocommit=True)


def fails_with(status: str, action, sqlstate: str = "") -> None:
    try:
        action()
    except adbc_driver_manager.Error as error:
        assert error.status_code.name == status, f"{status} expected: {error.status_code.name} {error}"
        assert sqlstate in str(error), f"{sqlstate} expected: {error}"
    else:
        raise AssertionError(f"no error, {status} expected")


def fetch(connection, sql: str, parameters=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def query() -> None:
    with connect("alice") as connection:
        rows = fetch(connection, "select c_custkey, c_name from customer where c_custkey = 1")
        assert rows == [(1, "Customer#000000001")], rows
        with connection.cursor() as cursor:
            cursor.execute("select l_orderkey from lineitem")
            table = cursor.fetch_arrow_table()
        assert table.num_rows == 60_175, table.num_rows
        assert sum(table.column(0).to_pylist()) == 1_802_759_573


def parameters() -> None:
    with connect("alice") as connection:
        rows = fetch(connection, "select c_name from customer where c_custkey = $1 and c_mktsegment = $2", (1, "BUILDING"))
        assert rows == [("Customer#000000001",)], rows
        rows = fetch(connection, "select $1::text, $2::double precision, $3::date", ("나루", 2.5, dt.date(2024, 2, 29)))
        assert rows == [("나루", 2.5, dt.date(2024, 2, 29))], rows


def large() -> None:
    """More than 100,000 rows from several endpoints, each row twice and nothing else."""
    columns = "select l_orderkey, l_linenumber, l_extendedprice, l_shipdate, l_comment from lineitem"
    with connect("alice") as connection:
        with connection.cursor() as cursor:
            partitions = cursor.adbc_execute_partitions(f"{columns} union all {columns}")[0]
            assert len(partitions) > 1, partitions
            cursor.execute(f"{columns} union all {columns}")
            table = cursor.fetch_arrow_table()
        assert table.num_rows == 120_350, table.num_rows
        assert sum(table.column(0).to_pylist()) == 2 * 1_802_759_573
        rows = zip(*(table.column(i).to_pylist() for i in range(5)))
        counts = collections.Counter(rows)
        assert set(counts.values()) == {2}, "each row comes twice"
        total, first, last, letters = fetch(
            connection, "select sum(l_extendedprice), min(l_shipdate), max(l_shipdate), sum(length(l_comment)) from lineitem"
        )[0]
        assert sum(row[2] for row in counts) == total, total
        assert (min(row[3] for row in counts), max(row[3] for row in counts)) == (first, last)
        assert sum(len(row[4]) for row in counts) == letters, letters
        with connection.cursor() as cursor:
            cursor.execute(f"{columns} order by l_orderkey desc, l_linenumber")
            keys = cursor.fetch_arrow_table().column(0).to_pylist()
        assert keys == sorted(keys, reverse=True)


def cancel() -> None:
    long = "select count(*) from lineitem a, lineitem b, lineitem c"
    with connect("alice") as connection:
        cursor = connection.cursor()
        over = threading.Event()

        def stop() -> None:
            while not over.wait(0.05):
                cursor.adbc_cancel()

        stopper = threading.Thread(target=stop)
        stopper.start()
        try:
            fails_with("CANCELLED", lambda: (cursor.execute(long), cursor.fetchall()))
        finally:
            over.set()
            stopper.join()
            cursor.close()
        assert fetch(connection, "select 1") == [(1,)]


def tls() -> None:
    ours, strangers = (pathlib.Path(path).read_text() for path in sys.argv[3:5])
    roots = DatabaseOptions.TLS_ROOT_CERTS.value
    with connect("bob", scheme="grpc+tls", **{roots: ours}) as connection:
        assert fetch(connection, "select c_phone from customer where c_custkey = 1") == [("XXXXXXXXXXX2988",)]
    for scheme, options in [("grpc+tls", {roots: strangers}), ("grpc+tls", {}), ("grpc", {})]:
        try:
            with connect("bob", scheme=scheme, **options) as connection:
                fetch(connection, "select 1")
        except adbc_driver_manager.Error:
            continue
        raise AssertionError(f"connected by {scheme} without the server's authority")


def errors() -> None:
    with connect("alice") as connection:
        fails_with("INVALID_ARGUMENT", lambda: fetch(connection, "selec 1"), "42601")
        fails_with("NOT_FOUND", lambda: fetch(connection, "select * from no_such_table"), "42P01")
        fails_with("INVALID_ARGUMENT", lambda: fetch(connection, "select 1 / (c_custkey - 1) from customer"), "22012")
        assert fetch(connection, "select 1") == [(1,)]


def wrong_password() -> None:
    for user in ("alice", "nobody"):
        fails_with("UNAUTHENTICATED", lambda: fetch(connect(user, "wrong"), "select 1"))


def policies() -> None:
    with connect("bob") as bob:
        assert fetch(bob, "select c_phone from customer where c_custkey = 1") == [("XXXXXXXXXXX2988",)]
        assert fetch(bob, "select distinct c_mktsegment from customer") == [("BUILDING",)]
        fails_with("UNAUTHORIZED", lambda: fetch(bob, "select c_acctbal from customer"))
    with connect("carol") as carol:
        assert fetch(carol, "select 1") == [(1,)]
        fails_with("NOT_FOUND", lambda: fetch(carol, "select * from customer"))


def metadata() -> None:
    def tables(user: str) -> dict[str, set[str]]:
        with connect(user) as connection:
            objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        return {
            catalog["catalog_name"]: {
                table["table_name"] for schema in catalog["catalog_db_schemas"] or [] for table in schema["db_schema_tables"] or []
            }
            for catalog in objects
        }

    assert "customer" in tables("bob")["tpch"], tables("bob")
    assert "customer" not in tables("carol").get("tpch", set()), tables("carol")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
