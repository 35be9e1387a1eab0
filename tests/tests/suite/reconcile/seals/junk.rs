//! What somebody else puts among the seals stops nothing, and is named.

use super::{Books, kinds};
use crate::ledger::scratch::in_scratch_database;

/// A forged seal, or bytes that are none: behind all seals, among them, at the very place of the next one, and by no seal's name.
const JUNK: &str = r#"
document = read(seals[-1])
last = json.loads(document["seal"])
document["seal"] = document["seal"].replace('"number":', '"number":1')
put("seals/%020d.json" % (last["from_transaction"] + 1), document)
put("seals/%020d.json" % last["to_transaction"], document)
s3.put_object(Bucket=bucket, Key="seals/%020d.1.json" % last["to_transaction"], Body=b"\x00")
put("seals/00900000000000000000.json", document)
put("seals/7.json", document)
"#;

#[tokio::test]
async fn what_our_key_did_not_sign_stops_neither_sealing_nor_proofs_and_is_named() {
    in_scratch_database(async |cloud| {
        let books = Books::open(cloud).await;
        let prover = super::proofs::prover(&books).await;
        let before = books.pay(9).await;
        books.seal_all(2).await;
        books.at_the_bucket(JUNK).await;
        let junk = [
            "seal_unreadable",
            "seal_forged",
            "seal_forged",
            "seal_unreadable",
            "seal_forged",
        ];
        assert_eq!(kinds(&books.found().await), junk);

        let after = books.pay(10).await;
        let early = super::proofs::asked(&prover, books.merchant.tenant, after).await;
        assert_eq!((early.status, early.problem().as_str()), (409, "not-sealed-yet"));
        books.seal_all(1).await;
        for paid in [before, after] {
            let proof = super::proofs::asked(&prover, books.merchant.tenant, paid).await;
            assert_eq!(proof.status, 200, "{proof:?}");
        }
        let mut found = books.found().await;
        assert_eq!(kinds(&found), junk, "and the new seal, behind two of them, is sound");
        found.sort();
        let mut compared = books.compared().await;
        compared.sort();
        assert_eq!(compared, found);
        // And the one behind that.
        books.pay(11).await;
        books.seal_all(1).await;
        assert_eq!(kinds(&books.found().await), junk);
    })
    .await;
}
