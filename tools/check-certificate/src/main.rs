//! `check-certificate CERTIFICATE.json KEY.pem`: whether an erasure was certified. Reads two files and nothing else.

use std::process::ExitCode;
use std::{env, fs};

use domain::erasure::certificate::{Certificate, Certified};
use domain::signature::PublicKey;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [certificate, key] = arguments.as_slice() else {
        eprintln!("usage: check-certificate CERTIFICATE.json KEY.pem");
        return ExitCode::from(2);
    };
    match check(certificate, key) {
        Ok(certificate) => {
            println!("{}", certificate.text());
            println!(
                "erased at {}, certified by {}",
                certificate.erased_at, certificate.key_id
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("NOT CERTIFIED: {why}");
            ExitCode::FAILURE
        }
    }
}

fn check(certificate: &str, key: &str) -> Result<Certificate, String> {
    let read = |path: &str| fs::read(path).map_err(|error| format!("{path}: {error}"));
    let key = PublicKey::from_pem(&String::from_utf8_lossy(&read(key)?)).map_err(|error| format!("{key}: {error}"))?;
    let certified = Certified::read(&read(certificate)?).map_err(|error| error.to_string())?;
    certified.open(&key).map_err(|error| error.to_string())
}
