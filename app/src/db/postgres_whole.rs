//! A PostgreSQL database as a whole: how its client programs reach it, and exchanging it for another
//! one. SQL with names in it is built here and nowhere else; names are quoted.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// A PostgreSQL database that is created, renamed or dropped as a whole.
#[derive(Clone, Debug)]
pub struct WholeDatabase {
    options: PgConnectOptions,
    name: String,
}

impl WholeDatabase {
    /// Parses the URL of a database.
    pub fn new(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("minitwit backup")
            .disable_statement_logging();
        // libpq's rule.
        let name = options.get_database().unwrap_or(options.get_username()).to_owned();
        Ok(Self { options, name })
    }

    /// Name of the database on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Environment variables that lead `pg_dump` and its like to the database called `database`. The
    /// password is one of them: arguments can be read by everybody on the machine.
    pub fn environment(&self, database: &str) -> Vec<(&'static str, String)> {
        let options = &self.options;
        let socket = options.get_socket().map(|path| path.to_string_lossy().into_owned());
        let mut variables = vec![
            ("PGHOST", socket.unwrap_or_else(|| options.get_host().to_owned())),
            ("PGPORT", options.get_port().to_string()),
            ("PGUSER", options.get_username().to_owned()),
            ("PGDATABASE", database.to_owned()),
            ("PGSSLMODE", ssl_mode(options.get_ssl_mode()).to_owned()),
            ("PGAPPNAME", "minitwit backup".to_owned()),
            ("PGCONNECT_TIMEOUT", "10".to_owned()),
        ];
        let url = options.to_url_lossy();
        if let Some(password) = url.password() {
            let decoded = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
            variables.push(("PGPASSWORD", decoded.into_owned()));
        }
        for (name, value) in url.query_pairs() {
            let variable = match &*name {
                "sslrootcert" | "ssl-root-cert" => "PGSSLROOTCERT",
                "sslcert" | "ssl-cert" => "PGSSLCERT",
                "sslkey" | "ssl-key" => "PGSSLKEY",
                _ => continue,
            };
            // That is how the options print a path.
            let path = value.strip_prefix("file: ").unwrap_or(&value);
            variables.push((variable, path.to_owned()));
        }
        variables
    }

    /// Number of other connections to the database.
    pub async fn users(&self) -> sqlx::Result<i64> {
        let mut connection = self.maintenance().await?;
        let users = sqlx::query_scalar("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = $1");
        let users = users.bind(&self.name).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(users)
    }

    /// Creates an empty database beside it, with its encoding and language.
    pub async fn create_beside(&self, name: &str) -> sqlx::Result<()> {
        let mut connection = self.maintenance().await?;
        let form = "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database
                    WHERE datname = $1";
        let form = sqlx::query_as::<_, (String, String, String)>(form).bind(&self.name);
        let (encoding, collate, ctype) = form.fetch_one(&mut connection).await?;
        let create = format!(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
            identifier(name),
            literal(&encoding),
            literal(&collate),
            literal(&ctype)
        );
        run(&mut connection, create).await?;
        connection.close().await
    }

    /// Removes a database that was created beside it.
    pub async fn drop_beside(&self, name: &str) -> sqlx::Result<()> {
        let mut connection = self.maintenance().await?;
        run(&mut connection, format!("DROP DATABASE IF EXISTS {}", identifier(name))).await?;
        connection.close().await
    }

    /// Takes the only place of who restores this database, until the connection is dropped; `None` when
    /// somebody has it.
    pub async fn lock_restore(&self) -> sqlx::Result<Option<PgConnection>> {
        let mut connection = self.maintenance().await?;
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext($1))");
        let is_locked = lock.bind(format!("minitwit restore {}", self.name));
        Ok(if is_locked.fetch_one(&mut connection).await? { Some(connection) } else { None })
    }

    /// The databases whose names are this start and a time, as restores name theirs until they are whole, and what
    /// they set aside; the second of a second has a number.
    pub async fn beside(&self, start: &str) -> sqlx::Result<Vec<String>> {
        let mut connection = self.maintenance().await?;
        let names = sqlx::query_scalar(
            "SELECT datname::TEXT FROM pg_database
             WHERE starts_with(datname, $1) AND substr(datname, length($1) + 1) ~ '^[0-9]{8}T[0-9]{6}Z(_[0-9]+)?$'",
        );
        let names = names.bind(start).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(names)
    }

    /// Gives the database the name `aside`, and the one called `new` its name, both or neither. The
    /// server refuses while anybody is connected to either.
    pub async fn exchange(&self, new: &str, aside: &str) -> sqlx::Result<()> {
        let rename = |from: &str, to: &str| {
            format!("ALTER DATABASE {} RENAME TO {}", identifier(from), identifier(to))
        };
        let mut connection = self.maintenance().await?;
        let mut transaction = connection.begin().await?;
        run(&mut transaction, rename(&self.name, aside)).await?;
        run(&mut transaction, rename(new, &self.name)).await?;
        transaction.commit().await?;
        connection.close().await
    }

    /// The schema version of a database on the same server; `None` when it has none.
    pub async fn schema_version(&self, database: &str) -> sqlx::Result<Option<i64>> {
        let mut connection = self.options.clone().database(database).connect().await?;
        let table = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
        let exists = sqlx::query_scalar::<_, bool>(table).fetch_one(&mut connection).await?;
        let version = if exists {
            let newest = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";
            sqlx::query_scalar(newest).fetch_one(&mut connection).await?
        } else {
            None
        };
        connection.close().await?;
        Ok(version)
    }

    /// A connection to the database that every server has: one cannot rename what one is in.
    async fn maintenance(&self) -> sqlx::Result<PgConnection> {
        self.options.clone().database("postgres").connect().await
    }
}

async fn run(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_programs_get_the_password_unescaped_and_the_certificates() {
        let url =
            "postgres://us%40er:p%2Fä%22@db.example:6432/mini?sslmode=verify-full&sslrootcert=/ca";
        let database = WholeDatabase::new(url).unwrap();
        let environment = database.environment("other");
        let value = |name: &str| {
            let found = environment.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(database.name(), "mini");
        assert_eq!(value("PGHOST"), Some("db.example"));
        assert_eq!(value("PGPORT"), Some("6432"));
        assert_eq!(value("PGUSER"), Some("us@er"));
        assert_eq!(value("PGDATABASE"), Some("other"));
        assert_eq!(value("PGPASSWORD"), Some("p/ä\""));
        assert_eq!(value("PGSSLMODE"), Some("verify-full"));
        assert_eq!(value("PGSSLROOTCERT"), Some("/ca"));
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(identifier("a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(literal("a'; DROP"), "'a''; DROP'");
    }
}
