//! The game day (`docs/gameday.md`), in short: the ledger's server is killed in the middle of commits. `local/gameday.py` plays it;
//! what it compares, and that it finds what is wrong, is in `local/verdict.py` and `local/test_verdict.py`.

use tests::cloud::Cloud;
use tokio::process::Command;

/// What the server on that port says of itself: which timeline it writes, and whether it follows another.
async fn server(cloud: &Cloud) -> (i32, bool) {
    let sql = "SELECT timeline_id, pg_is_in_recovery() FROM pg_control_checkpoint()";
    let superuser = cloud.superuser().await;
    // What was promoted notes its timeline with its next checkpoint.
    superuser.batch_execute("CHECKPOINT").await.unwrap();
    let row = superuser.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// Alone and last: the cloud's ledger is on another server afterwards, and is gone for seconds before.
#[tokio::test]
#[ignore = "it kills the server that the other tests use: `make test` runs it when they are done"]
async fn what_was_acknowledged_when_the_server_was_killed_is_there_once_and_retries_decide_the_rest() {
    let before = Cloud::running();
    let (timeline, _) = server(&before).await;
    let played = Command::new(before.mint_token.first().expect("a token is minted by Python"))
        .args(["-m", "local", "gameday", "--short"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&played.stdout);
    let complaint = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}\n{complaint}");

    let after = Cloud::running();
    assert_ne!(after.postgres.address.port, before.postgres.address.port, "{said}");
    assert_eq!(server(&after).await, (timeline + 1, false), "{said}");
}
