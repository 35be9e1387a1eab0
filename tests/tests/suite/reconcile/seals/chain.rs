//! Seals that somebody writes over, forges, or that do not follow each other.

use serde_json::json;
use uuid::Uuid;

use super::{Books, compared_by, kinds};
use crate::ledger::scratch::in_scratch_database;
use crate::reconcile::scene::Said;

#[tokio::test]
async fn what_is_put_over_a_seal_does_not_count_and_is_found() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        books
            .at_the_bucket(r#"put(seals[0], {"seal": "{}", "signature": "", "algorithm": "", "key_id": ""})"#)
            .await;
        assert_eq!(kinds(&books.found().await), ["seal_covered"]);
        books
            .at_the_bucket("s3.delete_object(Bucket=bucket, Key=seals[0])")
            .await;
        assert_eq!(kinds(&books.found().await), ["seal_covered"]);
        // The next seal follows the first version, and the chain holds.
        books.pay(10).await;
        books.seal_all(1).await;
        assert_eq!(kinds(&books.found().await), ["seal_covered"]);
    })
    .await;
}

#[tokio::test]
async fn a_seal_that_leaves_something_out_breaks_the_chain_though_it_is_signed() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        let skip = r#"
last = json.loads(read(seals[-1])["seal"])
last |= {"number": last["number"] + 1, "from_transaction": last["to_transaction"] + 1, "to_transaction": last["to_transaction"] + 2,
         "transactions": 0, "entries": 0, "leaves": [], "root": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
put("seals/%020d.json" % last["from_transaction"], signed(json.dumps(last, separators=(",", ":"))))
"#;
        books.at_the_bucket(skip).await;
        let found = books.found().await;
        assert!(kinds(&found).contains(&"chain_broken"), "{found:?}");
    })
    .await;
}

#[tokio::test]
async fn numbers_that_began_anew_are_refused_loudly() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        let ahead = r#"
import hashlib
text = read(seals[-1])["seal"]
last = json.loads(text)
sums = [each | {"debits": "0", "credits": "0"} for each in last["sums"]]
last |= {"number": last["number"] + 1, "previous": hashlib.sha256(text.encode()).hexdigest(), "from_transaction": last["to_transaction"],
         "to_transaction": last["to_transaction"] + 10**12, "transactions": 0, "entries": 0, "sums": sums, "leaves": [],
         "root": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
put("seals/%020d.json" % last["from_transaction"], signed(json.dumps(last, separators=(",", ":"))))
"#;
        books.at_the_bucket(ahead).await;
        assert_eq!(kinds(&books.found().await), ["numbers_began_anew"]);
        let told = books.seal().await;
        assert!(told["failed"].as_str().unwrap().contains("began anew"), "{told}");
    })
    .await;
}

/// A bucket that begins in the middle: the same as a chain whose beginning somebody has left out.
#[tokio::test]
async fn a_chain_whose_beginning_is_not_there_is_broken() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        for amount in [10, 11] {
            books.pay(amount).await;
            books.seal_all(1).await;
        }
        let other = format!("seals-{}", Uuid::new_v4());
        let copy = r#"
s3.create_bucket(Bucket=OTHER, CreateBucketConfiguration={"LocationConstraint": region}, ObjectLockEnabledForBucket=True)
leaves = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="leaves/").get("Contents", [])]
first = json.loads(read(seals[0])["seal"])
for name in seals[1:] + leaves:
    s3.put_object(Bucket=OTHER, Key=name, Body=s3.get_object(Bucket=bucket, Key=name)["Body"].read())
told = first["to_transaction"]
"#;
        let begins = books.at_the_bucket(&copy.replace("OTHER", &format!("{other:?}"))).await;
        let elsewhere = books.setup().set("DIGEST_BUCKET", &other).start().await.unwrap();
        let broken = [("chain_broken".to_owned(), begins.to_string())];
        assert_eq!(compared_by(&elsewhere).await, broken);
        let said = Said::by(&elsewhere, "seals").await;
        assert_eq!(said.findings(), [("critical", "chain_broken", begins.to_string().as_str())]);
        assert_eq!(said.detail("chain_broken").split(": ").last(), Some("there is none before it"));
    })
    .await;
}

#[tokio::test]
async fn a_seal_is_one_at_its_own_place_only_and_there_may_be_one() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        let twice = r#"
document = read(seals[-1])
put("seals/00900000000000000000.json", document)
put(seals[-1].replace(".json", ".1.json"), document)
told = json.loads(document["seal"])["from_transaction"]
"#;
        let from = books.at_the_bucket(twice).await.to_string();
        let at_the_end = "900000000000000000".to_owned();
        let expected = [
            ("chain_broken".to_owned(), from),
            ("chain_broken".to_owned(), at_the_end),
        ];
        assert_eq!(books.found().await, expected);
        assert_eq!(books.compared().await, expected);
        books.pay(10).await;
        books.seal_all(1).await;
        assert_eq!(books.found().await, expected, "the next one follows the right one");
    })
    .await;
}

/// A signature of ours under what cannot be read: a later version of the program has made it, and was taken back.
#[tokio::test]
async fn nothing_is_sealed_behind_a_seal_of_a_later_version() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        let later = r#"
last = json.loads(read(seals[-1])["seal"])
put("seals/%020d.json" % last["to_transaction"], signed(json.dumps(last | {"version": 2}, separators=(",", ":"))))
"#;
        books.at_the_bucket(later).await;
        assert_eq!(kinds(&books.found().await), ["seal_forged"]);
        books.pay(10).await;
        let told = books.seal().await;
        assert!(told["failed"].as_str().unwrap().contains("the newest seal"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn another_key_begins_no_chain_anew_over_the_books_as_they_are_now() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        books.seal_all(1).await;
        // One, or two if somebody's transaction held the first one back.
        let before = books.seals().await.len();
        let make = r#"told = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]"#;
        let key = books.at_the_bucket(make).await;
        let replaced = books
            .setup()
            .set("DIGEST_KEY", key.as_str().unwrap())
            .start()
            .await
            .unwrap();
        let told = super::sealed_by(&replaced).await;
        assert!(
            told["failed"].as_str().unwrap().contains("none of the seals stands"),
            "{told}"
        );
        assert_eq!(books.seals().await.len(), before);
        let report = replaced.invoke(&json!({"seals": {"done": 0}})).await.unwrap();
        assert_eq!(report["sections"][0]["findings"][0]["what"], "seal_forged", "{report}");
    })
    .await;
}
