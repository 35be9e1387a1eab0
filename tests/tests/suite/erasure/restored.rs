//! Yesterday's copy of the records, put back.

use std::time::Duration;

use tests::lambda::Function;
use uuid::Uuid;

use super::scene::Office;
use crate::vault::scene::{Table, person};

#[tokio::test]
async fn yesterdays_records_put_back_bring_nobody_back() {
    let office = Office::open().await;
    let warm = Function::of(&office.cloud, "keep-customers").set("VAULT_KEY_SECONDS", 2);
    let warm = warm.start().await.unwrap();
    for whole_tenant in [false, true] {
        let (ada, account) = office.customer("Ada").await;
        office.vault.shown(&warm, ada).await;
        let yesterday = office.vault.of_customer(Table::Records, ada).await;
        let erasure = Uuid::new_v4();
        office.erase(erasure, (!whole_tenant).then_some(ada)).await;
        office.is_gone(ada, account).await;
        office.vault.put(Table::Records, yesterday).await;
        for function in [&warm, &office.keeper] {
            assert_eq!(office.vault.show(function, ada).await.status, 410);
        }
        // As long as keys are kept in memory, and longer.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        for function in [&warm, &office.keeper] {
            assert_eq!(office.vault.show(function, ada).await.status, 410);
        }
        // Asked for again, what came back goes; what was certified stands.
        let certified = office.kept(erasure).await;
        let again = Uuid::new_v4();
        office.erase(again, (!whole_tenant).then_some(ada)).await;
        let shown = office.erasure(again).await;
        assert_eq!(
            (&shown["status"], &shown["repeats"]),
            (&"repeated".into(), &erasure.to_string().into())
        );
        office.is_gone(ada, account).await;
        assert_eq!(office.kept(erasure).await, certified);
    }
}

/// The mark is not what keeps a person erased. Without it, and stored anew under a key that opens what it seals, yesterday's
/// record opens with that key no more than with none.
#[tokio::test]
async fn without_the_mark_the_record_does_not_open_either() {
    let office = Office::open().await;
    let (ada, _) = office.customer("Ada").await;
    let yesterday = office.vault.of_customer(Table::Records, ada).await;
    office.erase(Uuid::new_v4(), Some(ada)).await;
    office.vault.delete(Table::Keys, &format!("customer#{ada}")).await;
    office.vault.put(Table::Records, yesterday.clone()).await;
    assert_eq!(office.status(ada).await, 404);
    office.vault.delete(Table::Records, &format!("customer#{ada}")).await;
    let anew = office.vault.keep(&office.keeper, ada, &person("Eve")).await;
    assert_eq!(anew.status, 201, "{anew:?}");
    let key = office.vault.of_customer(Table::Keys, ada).await;
    assert_eq!(key["state"].as_s().unwrap(), "active");
    assert_eq!(office.vault.shown(&office.keeper, ada).await["name"], "Eve Lovelace");
    office.vault.put(Table::Records, yesterday).await;
    for function in [&office.keeper, &office.vault.function().await] {
        let shown = office.vault.show(function, ada).await;
        assert_eq!((shown.status, shown.problem().as_str()), (500, "internal"));
    }
    assert!(office.keeper.output().contains("does not open"));
}
