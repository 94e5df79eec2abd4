//! MySQL and MariaDB, single servers and sharded tables.
