//! Whoever writes these files is not us.

use tests::lambda::Function;

use super::scene::{DAY, NOON, Scene, about, right, unreadable};
use crate::ledger::scratch::in_scratch_database;

/// What no table and no log may hold of the file below.
const SECRETS: [&str; 6] = ["HYPERLINK", "4111", "<script>", "DROP TABLE", "DDDD", "calc"];

fn hostile(good: &str) -> Vec<u8> {
    let mut file = Vec::from("\u{feff}id,amount,currency,day\r\n");
    let lines = [
        good.to_owned(),
        format!("\"=HYPERLINK(\"\"http://x\"\")\",100,EUR,{DAY}"),
        format!("@SUM(1+1)*cmd|'/C calc'!A0,100,EUR,{DAY}"),
        format!("4111111111111111,100,EUR,{DAY}"),
        format!("<script>alert(1)</script>,100,EUR,{DAY}"),
        format!("'; DROP TABLE ledger.breaks; --,100,EUR,{DAY}"),
        format!("{},100,EUR,{DAY}", "D".repeat(100_000)),
        format!("x,100,EUR,{DAY},more"),
        "x,100,EUR".to_owned(),
        format!("x,-9223372036854775809,EUR,{DAY}"),
        format!("x,1000000000000,EUR,{DAY}"),
        format!("x,1e2,EUR,{DAY}"),
        format!("x,100,€,{DAY}"),
        "x,100,EUR,2026-05-23".to_owned(),
        "x,100,EUR,0000-00-00".to_owned(),
        format!("a,-100,EUR,{DAY}"),
        format!("\"open,100,EUR,{DAY}"),
        format!("b,\"100\",\"EUR\",\"{DAY} 23:59\""),
    ];
    for line in lines {
        file.extend_from_slice(line.as_bytes());
        file.extend_from_slice(b"\r\n");
    }
    file.extend_from_slice(b"\xff\xfe,100,EUR\r\n\x00,1,EUR,2026-05-22");
    file
}

#[tokio::test]
async fn a_hostile_file_is_read_to_its_last_line_and_leaves_nothing_of_itself() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(1, NOON).await[0];
        scene.put("acme/2026-05-22.csv", hostile(&right(&ours))).await;
        let function: Function = scene.function().await;
        let answer = scene.by_hand(&function, "acme/2026-05-22.csv").await.unwrap();
        assert_eq!(answer["matched"], 1, "{answer}");
        assert_eq!(
            scene.breaks().await,
            [
                unreadable(3, "reference"),
                unreadable(4, "reference"),
                unreadable(5, "card_number"),
                unreadable(6, "reference"),
                unreadable(7, "reference"),
                unreadable(8, "too_long"),
                unreadable(9, "fields"),
                unreadable(10, "fields"),
                unreadable(11, "amount"),
                unreadable(12, "amount"),
                unreadable(13, "amount"),
                unreadable(14, "currency"),
                unreadable(15, "outside_period"),
                unreadable(16, "date"),
                about("missing_here", 17, "a", None),
                unreadable(18, "no_record"),
                about("missing_here", 19, "b", None),
                unreadable(20, "not_text"),
                unreadable(21, "reference"),
            ]
        );
        let sql = "SELECT concat((SELECT json_agg(s)::text FROM ledger.statements s), (SELECT json_agg(b)::text FROM ledger.breaks b))";
        let stored: String = scene.superuser.query_one(sql, &[]).await.unwrap().get(0);
        let said = function.output();
        for secret in SECRETS {
            assert!(!stored.contains(secret) && !said.contains(secret), "{secret}");
        }
    })
    .await;
}
