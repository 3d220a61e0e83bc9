//! Where a database is, from its URL; and how that place is called where people read it: without the password.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::storage::{Result, StoreError};

/// What a URL may say beside host, role and database.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Where a database is and how to get in.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) options: PgConnectOptions,
    /// `postgres://role@host:port/database`.
    pub(super) place: String,
}

impl Address {
    /// Reads a URL. What it leaves out comes from the usual variables (`PGPASSWORD`, …) and the user's password file.
    ///
    /// # Errors
    /// [`StoreError::NotAdmitted`]: the URL says something that is not understood. Its text is not repeated.
    pub(super) fn read(url: &str) -> Result<Address> {
        let wrong = |what: String| StoreError::NotAdmitted { place: "the database's URL".to_owned(), what };
        let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            if !PARAMETERS.contains(&name) && !name.starts_with("options[") {
                let known = PARAMETERS.join(", ");
                return Err(wrong(format!("has the parameter `{name}`; it may have: {known}")));
            }
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| {
                wrong("cannot be read; it looks like postgres://role@host:5432/database".to_owned())
            })?
            // Poolers refuse what they do not know, and no number with a fraction is ever read.
            .extra_float_digits(None);
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("statusync"),
        };
        let host = options
            .get_socket()
            .map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
        let database = options.get_database().unwrap_or(options.get_username());
        let place = format!("postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port());
        Ok(Address { options: sqlx::ConnectOptions::disable_statement_logging(options), place })
    }

    /// The role that is logged in as.
    pub(super) fn role(&self) -> &str {
        self.options.get_username()
    }

    pub(super) fn database(&self) -> &str {
        self.options.get_database().unwrap_or(self.role())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_without_its_password() {
        let address = Address::read("postgres://app:s3cret@db.example:6543/orders?sslmode=disable").unwrap();
        assert_eq!(address.place, "postgres://app@db.example:6543/orders");
        assert_eq!((address.role(), address.database()), ("app", "orders"));
        let socket = Address::read("postgres://app@localhost/orders?host=/run/postgresql").unwrap();
        assert_eq!(socket.place, "postgres://app@/run/postgresql:5432/orders");
    }

    #[test]
    fn what_a_url_may_not_say_is_named_and_nothing_else_of_it() {
        for url in ["postgres://app:s3cret@h/db?pasword=s3cret", "postgres://app:s3cret@h:port/db"] {
            let Err(error) = Address::read(url) else { panic!("{url}") };
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
