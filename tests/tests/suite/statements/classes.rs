use serde_json::json;
use uuid::Uuid;

use super::scene::{DAY, NOON, Scene, about, line, mapping, missing_there, right, unreadable};
use crate::ledger::scratch::in_scratch_database;

#[tokio::test]
async fn each_line_and_each_transaction_of_the_day_is_in_its_class() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let ours = scene.posted(5, NOON).await;
        let [matched, amount, currency, twice, missing] = ours[..] else { unreachable!() };
        let (the_day_before, the_day_after) = ("2026-05-21T23:59:59.999Z", "2026-05-23T00:00:00Z");
        // Of other days: one is told of all the same, the others need not be.
        let late = scene.posted(2, the_day_before).await[0];
        scene.posted(1, the_day_after).await;
        let nobodys = Uuid::new_v4();
        let answer = scene
            .take(
                "acme/2026-05-22.csv",
                &[
                    right(&matched),
                    line(&amount, 101, "EUR"),
                    line(&currency, 100, "USD"),
                    right(&twice),
                    right(&late),
                    right(&twice),
                    right(&nobodys),
                    line("payout-7", -100, "EUR"),
                    format!("{missing},1.00,EUR,{DAY}"),
                ],
            )
            .await;
        assert_eq!(
            answer,
            json!({"statement": 1, "outcome": "taken", "matched": 3, "opened": 7, "resolved": 0, "other": 0})
        );
        assert_eq!(
            scene.breaks().await,
            [
                about("amount_differs", 3, &amount, Some(amount)),
                about("currency_differs", 4, &currency, Some(currency)),
                about("duplicate", 7, &twice, Some(twice)),
                about("missing_here", 8, &nobodys, None),
                about("missing_here", 9, "payout-7", None),
                unreadable(10, "amount"),
                missing_there(missing),
            ]
        );
        let sql = "SELECT ours_amount, ours_currency::text, theirs_amount, theirs_currency::text, theirs_date::text, tenant_id
                     FROM ledger.breaks WHERE kind = 'currency_differs'";
        let row = scene.superuser.query_one(sql, &[]).await.unwrap();
        let told: (i64, &str, i64, &str, &str) = (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        assert_eq!(told, (100, "EUR", 100, "USD", DAY));
        assert_eq!(row.get::<_, Uuid>(5), scene.tenant);
    })
    .await;
}

#[tokio::test]
async fn only_what_moved_money_and_is_covered_must_be_there() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let mut covering = mapping("acme");
        covering["covers"] = json!({"kinds": ["payment"], "currencies": ["EUR"], "tenants": [scene.tenant]});
        scene.mapping(&covering).await;
        let refused = scene.intents(1, NOON, "payment", "insufficient_funds").await[0];
        let deposit = scene.intents(1, NOON, "deposit", "posted").await[0];
        let step = scene.intents(1, NOON, "hold", "posted").await[0];
        let others = Scene {
            tenant: Uuid::new_v4(),
            ..scene
        };
        let another = others.posted(1, NOON).await[0];
        let lines = [refused, deposit, step, another].each_ref().map(right);
        let answer = others.take("acme/2026-05-22.csv", &lines).await;
        assert_eq!(answer["matched"], 0);
        let expected = [(2, refused), (3, deposit), (4, step), (5, another)];
        assert_eq!(
            others.breaks().await,
            expected.map(|(line, key)| about("missing_here", line, &key, None))
        );
    })
    .await;
}

#[tokio::test]
async fn a_settlement_must_be_there_once_it_has_settled() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let mut covering = mapping("acme");
        covering["covers"] = json!({"kinds": ["settlement"]});
        scene.mapping(&covering).await;
        let settlements = scene.intents(3, "2026-05-20T08:00:00Z", "settlement", "accepted").await;
        let sql = "
            INSERT INTO ledger.settlements
                   (settlement_id, tenant_id, buyer, escrow, merchant, platform, amount, fee, ended_at, action_keys, currency, status)
            VALUES ($1, $2, $1, $1, $1, $1, 100, 0, $3::text::timestamptz, array_fill($1::uuid, ARRAY[9]), 'EUR', $4)";
        for (id, status, ended) in [
            (settlements[0], "settled", Some(NOON)),
            (settlements[1], "compensated", Some(NOON)),
            (settlements[2], "held", None),
        ] {
            scene.superuser.execute(sql, &[&id, &scene.tenant, &ended, &status]).await.unwrap();
        }
        let lines = [right(&settlements[1]), right(&settlements[2])];
        scene.take("acme/2026-05-22.csv", &lines).await;
        let expected = [
            about("missing_here", 2, &settlements[1], None),
            about("missing_here", 3, &settlements[2], None),
            missing_there(settlements[0]),
        ];
        assert_eq!(scene.breaks().await, expected);
    })
    .await;
}

#[tokio::test]
async fn days_begin_when_the_provider_s_do() {
    in_scratch_database(async |scratch| {
        let scene = Scene::set(scratch).await;
        let mut covering = mapping("acme");
        covering["utc_offset"] = json!("+02:00");
        scene.mapping(&covering).await;
        let first = scene.posted(1, "2026-05-21T22:00:00Z").await[0];
        let last = scene.posted(1, "2026-05-22T21:59:59.999999Z").await[0];
        scene.posted(1, "2026-05-21T21:59:59Z").await;
        scene.posted(1, "2026-05-22T22:00:00Z").await;
        scene.take("acme/2026-05-22.csv", &[]).await;
        let mut missing: Vec<_> = scene
            .breaks()
            .await
            .into_iter()
            .filter_map(|found| found.transaction)
            .collect();
        let mut expected = [first, last];
        missing.sort_unstable();
        expected.sort_unstable();
        assert_eq!(missing, expected);
    })
    .await;
}
