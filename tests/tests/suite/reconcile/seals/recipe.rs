//! The two ways to check a proof, the program and the commands in docs/digest.md, accept the same ones.

use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::{Value, json};
use uuid::Uuid;

use super::Books;
use super::proofs::{asked, prover, public_key};
use crate::ledger::scratch::in_scratch_database;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/digest.md");

/// Where cargo puts it.
const PROGRAM: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../debug/check-proof");

fn build_the_program() {
    let mut cargo = Command::new(env!("CARGO"));
    let build = cargo.args(["build", "--locked", "--quiet", "-p", "check-proof"]);
    let output = build
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The commands, as they stand in the document.
fn recipe() -> String {
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let blocks = document.split("```").skip(1).step_by(2);
    let mut recipes = blocks.filter_map(|block| block.strip_prefix("bash\n"));
    let recipe = recipes.find(|block| block.contains("echo proved"));
    recipe.expect("the document has the commands").to_owned()
}

/// In a directory with `proof.json` and `key.pem`: what the commands say, and what the program says.
fn checked(directory: &Path, proof: &Value) -> [Output; 2] {
    fs::write(directory.join("proof.json"), proof.to_string()).unwrap();
    let by_hand = Command::new("bash")
        .arg("-c")
        .arg(recipe())
        .current_dir(directory)
        .output();
    let program = Command::new(PROGRAM)
        .args([directory.join("proof.json"), directory.join("key.pem")])
        .output();
    [by_hand.unwrap(), program.unwrap()]
}

/// The proof with another value of this member.
fn bent(proof: &Value, member: &str, other: impl Fn(&Value) -> Value) -> Value {
    let mut changed = proof.clone();
    changed[member] = other(&proof[member]);
    assert_ne!(changed[member], proof[member], "{member}");
    changed
}

#[tokio::test]
async fn the_documents_commands_and_the_program_accept_a_proof_and_nothing_that_is_none() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let (key, prover) = (public_key(&books.cloud).await, prover(&books).await);
        let mut last = Uuid::nil();
        for amount in 1..=3 {
            last = books.pay(amount).await;
        }
        books.settled().await;
        books.seal_all(4).await;
        let proof = asked(&prover, books.merchant.tenant, last).await.json();
        assert_eq!((&proof["index"], &proof["size"]), (&json!(3), &json!(4)), "{proof}");

        build_the_program();
        let directory = env::temp_dir().join(format!("proof-{}", Uuid::new_v4()));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("key.pem"), key.pem()).unwrap();
        let [by_hand, program] = checked(&directory, &proof);
        let said = |output: &Output| {
            String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
        };
        assert!(
            by_hand.status.success() && said(&by_hand).ends_with("proved\n"),
            "{}",
            said(&by_hand)
        );
        assert!(program.status.success(), "{}", said(&program));
        let printed = "openssl pkey -pubin -in key.pem -outform DER | sha256sum | cut -c1-64";
        let print = Command::new("sh")
            .args(["-c", printed])
            .current_dir(&directory)
            .output()
            .unwrap();
        assert!(said(&program).contains(said(&print).trim()), "{}", said(&program));
        let seal: Value = serde_json::from_str(proof["seal"].as_str().unwrap()).unwrap();
        let named = format!("seal {} of {}", seal["number"], seal["day"].as_str().unwrap());
        assert!(said(&program).contains(&named), "{}", said(&program));

        let text =
            |from: String, to: String| move |value: &Value| json!(value.as_str().unwrap().replacen(&from, &to, 1));
        let root = seal["root"].as_str().unwrap();
        let other = |text: &str| {
            text.chars()
                .map(|digit| if digit == '0' { '1' } else { '0' })
                .collect::<String>()
        };
        let mut signature = proof["signature"].as_str().unwrap().to_owned();
        let at = signature.len() / 2;
        let swapped = if &signature[at..=at] == "A" { "B" } else { "A" };
        signature.replace_range(at..=at, swapped);
        for none in [
            // The siblings of the fourth of four are also on the way from where an eighth would be.
            bent(&proof, "index", |_| json!(7)),
            bent(&proof, "index", |_| json!(2)),
            bent(&proof, "index", |_| json!(0)),
            bent(&proof, "size", |_| json!(5)),
            bent(&proof, "size", |_| json!(8)),
            bent(&proof, "path", |path| {
                json!([other(path[0].as_str().unwrap()), path[1]])
            }),
            bent(&proof, "path", |path| json!([path[0]])),
            bent(&proof, "path", |path| json!([path[0], path[1], path[1]])),
            bent(
                &proof,
                "leaf",
                text(r#""amount":3"#.to_owned(), r#""amount":4"#.to_owned()),
            ),
            bent(&proof, "seal", text(root.to_owned(), other(root))),
            bent(&proof, "signature", |_| json!(signature)),
        ] {
            for output in checked(&directory, &none) {
                assert!(!output.status.success(), "{none}: {}", said(&output));
                assert!(!said(&output).contains("\nproved"), "{none}");
            }
        }
        fs::remove_dir_all(&directory).unwrap();
    })
    .await;
}
