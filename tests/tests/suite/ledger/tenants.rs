use std::sync::Arc;

use tests::cloud::Cloud;
use tokio::task::JoinSet;
use tokio_postgres::types::Type;

use super::merchant::Merchant;
use super::statements::{balance, entries_under, failure, sum_of_entries};

/// More clients than the pooler has connections to the server, so every connection serves every tenant in turn.
#[tokio::test]
async fn tenants_interleaved_on_shared_connections_meet_only_their_own_rows() {
    const TENANTS: i64 = 8;
    let cloud = Cloud::running();
    let mut worlds = Vec::new();
    for _ in 0..TENANTS {
        let merchant = Merchant::onboard(&cloud).await;
        let (buyer, till) = (merchant.buyer(1000).await, merchant.till().await);
        worlds.push((merchant, buyer, till));
    }
    let worlds = Arc::new(worlds);
    let mut clients = JoinSet::new();
    for lane in 0..24 {
        let (cloud, worlds) = (cloud.clone(), Arc::clone(&worlds));
        clients.spawn(async move {
            let poster = cloud.pooled_as("poster").await;
            let reader = cloud.pooled_as("reader").await;
            for turn in 0..worlds.len() {
                let (merchant, buyer, till) = &worlds[(lane + turn) % worlds.len()];
                let (other, theirs, their_till) = &worlds[(lane + turn + 1) % worlds.len()];
                let own = merchant.payment(*buyer, *till, 1).decide(&poster).await;
                assert_eq!(own.told(), ("recorded", "posted"));
                for foreign in [
                    merchant.payment(*theirs, *till, 1),
                    merchant.payment(*buyer, *their_till, 1),
                ] {
                    let decision = foreign.decide(&poster).await;
                    assert_eq!(decision.told(), ("recorded", "account_unknown"));
                }
                assert!(balance(&reader, merchant.tenant, *buyer).await.is_some());
                assert_eq!(balance(&reader, merchant.tenant, *theirs).await, None);
                assert_eq!(balance(&reader, other.tenant, *till).await, None);
            }
        });
    }
    clients.join_all().await;
    let reader = cloud.pooled_as("reader").await;
    for (merchant, buyer, till) in worlds.iter() {
        // Each lane paid once for each tenant.
        let tenant = merchant.tenant;
        assert_eq!(balance(&reader, tenant, *buyer).await, Some(1000 - 24));
        assert_eq!(balance(&reader, tenant, *till).await, Some(24));
    }
}

#[tokio::test]
async fn a_shared_connection_keeps_no_tenant() {
    let cloud = Cloud::running();
    let merchant = Merchant::onboard(&cloud).await;
    let (buyer, till) = (merchant.buyer(100).await, merchant.till().await);
    let sql = "SELECT nullif(current_setting('app.tenant_id', true), '')";
    for role in ["poster", "reader", "registrar"] {
        let mut lanes = JoinSet::new();
        for _ in 0..24 {
            let (cloud, merchant) = (cloud.clone(), merchant.clone());
            lanes.spawn(async move {
                let client = cloud.pooled_as(role).await;
                for _ in 0..10 {
                    match role {
                        "poster" => {
                            merchant.payment(buyer, till, 1).decide(&client).await;
                        }
                        "reader" => {
                            assert!(balance(&client, merchant.tenant, buyer).await.is_some());
                        }
                        _ => {
                            // Fails after it has set the tenant: currency_not_enabled.
                            let open = format!(
                                "SELECT ledger.open_account('{}', gen_random_uuid(), 'buyer', 'EUR', 0, gen_random_uuid())",
                                merchant.tenant
                            );
                            assert_eq!(failure(&client, &open).await, "currency_not_enabled");
                        }
                    }
                    let rows = client.query_typed(sql, &[]).await.unwrap();
                    assert_eq!(rows[0].get::<_, Option<String>>(0), None, "{role}");
                }
            });
        }
        lanes.join_all().await;
    }
}

/// Setting the tenant by hand gives a function's role nothing: its rights are those of the functions it calls.
#[tokio::test]
async fn a_tenant_set_by_hand_opens_nothing() {
    let cloud = Cloud::running();
    let merchant = Merchant::onboard(&cloud).await;
    let other = Merchant::onboard(&cloud).await;
    let buyer = merchant.buyer(100).await;
    let reader = cloud.as_role("reader").await;
    let set = format!("SET app.tenant_id = '{}'", merchant.tenant);
    reader.batch_execute(&set).await.unwrap();
    assert_eq!(failure(&reader, "SELECT FROM ledger.accounts").await, "42501");
    assert_eq!(balance(&reader, other.tenant, buyer).await, None);
    let sql = "SELECT FROM ledger.account_entries($1, $2, NULL, NULL, NULL, 10)";
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&other.tenant, Type::UUID), (&buyer, Type::UUID)];
    let rows = reader.query_typed(sql, &parameters).await.unwrap();
    assert!(rows.is_empty());
}

/// Ledger keys are derived per tenant, so two tenants never meet at one; if they did, neither would learn of the other.
#[tokio::test]
async fn a_key_that_another_tenant_holds_posts_nothing_and_shows_nothing() {
    let cloud = Cloud::running();
    let (poster, superuser) = (cloud.pooled_as("poster").await, cloud.superuser().await);
    let (ours, other) = (Merchant::onboard(&cloud).await, Merchant::onboard(&cloud).await);
    let (buyer, till) = (ours.buyer(100).await, ours.till().await);
    let (their_buyer, their_till) = (other.buyer(100).await, other.till().await);
    let held = ours.payment(buyer, till, 10);
    held.decide(&poster).await;

    for amount in [1, 1000] {
        let posting = other.payment(their_buyer, their_till, amount).with_key(held.key);
        assert_eq!(posting.refused(&poster).await, "key_taken_but_hidden");
    }
    assert_eq!(entries_under(&superuser, held.key).await, 2);
    assert_eq!(sum_of_entries(&superuser, their_buyer).await, 100);
}
