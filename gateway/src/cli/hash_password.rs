//! `naru hash-password`

use crate::error::{Error, ErrorCode, Result};
use clap::{Args, ValueEnum};
use naru_auth::{HashForm, Secret};
use std::io::Read;

/// Arguments of `naru hash-password`.
#[derive(Debug, Args)]
pub(super) struct HashPassword {
    /// The form of the secret. Only `scram` serves a SCRAM login.
    #[arg(long, value_enum, default_value_t = Form::Scram)]
    form: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Argon2id,
    Bcrypt,
    Scram,
}

impl HashPassword {
    #[allow(clippy::print_stdout, reason = "the value is what the command is for")]
    pub(super) fn run(self) -> Result<()> {
        let mut password = String::new();
        let unreadable = |error| Error::new(ErrorCode::InvalidParameter, format!("no password could be read: {error}"));
        std::io::stdin().read_to_string(&mut password).map_err(unreadable)?;
        let password = password.strip_suffix('\n').unwrap_or(&password);
        let form = match self.form {
            Form::Argon2id => HashForm::Argon2id,
            Form::Bcrypt => HashForm::Bcrypt,
            Form::Scram => HashForm::Scram,
        };
        let value = naru_auth::hash_password(form, &Secret::new(password))
            .map_err(|error| Error::new(ErrorCode::InvalidParameter, error.to_string()))?;
        println!("{value}");
        Ok(())
    }
}
