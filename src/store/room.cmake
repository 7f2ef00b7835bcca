# Accounting's database: SQL through SOCI, own schema with numbered migrations. SQLite, MariaDB and PostgreSQL.
find_package(SQLite3 REQUIRED)
flurm_library(NAME store APART TIER 2 DEPS base acct EXTERNAL soci_sqlite3 soci_core)
