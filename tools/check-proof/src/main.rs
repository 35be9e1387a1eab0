//! `check-proof PROOF.json KEY.pem`: whether a transaction stands in the sealed books. Reads two files and nothing else.
//!
//! It prints the transaction, its seal, and the key's fingerprint, which is to be compared with the published one.

use std::process::ExitCode;
use std::{env, fs};

use domain::digest::proof::{Proof, Proven};
use domain::signature::PublicKey;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [proof, key] = arguments.as_slice() else {
        eprintln!("usage: check-proof PROOF.json KEY.pem");
        return ExitCode::from(2);
    };
    match check(proof, key) {
        Ok(proven) => {
            println!("{}", proven.leaf);
            println!("stands in the {}, sealed at {}", proven.seal, proven.sealed_at);
            println!("signed with the key of SHA-256 {}", proven.fingerprint);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("NOT PROVED: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What is printed of a proof that holds.
struct Told {
    leaf: String,
    seal: String,
    sealed_at: String,
    fingerprint: String,
}

fn check(proof: &str, key: &str) -> Result<Told, String> {
    let read = |path: &str| fs::read(path).map_err(|error| format!("{path}: {error}"));
    let key = PublicKey::from_pem(&String::from_utf8_lossy(&read(key)?)).map_err(|error| format!("{key}: {error}"))?;
    let proof = Proof::read(&read(proof)?).map_err(|error| error.to_string())?;
    let Proven { seal, .. } = proof.check(&key).map_err(|error| error.to_string())?;
    Ok(Told {
        seal: seal.to_string(),
        sealed_at: seal.sealed_at,
        leaf: proof.leaf,
        fingerprint: key.fingerprint().to_string(),
    })
}
