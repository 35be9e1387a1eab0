//! A process that dies anywhere on its way.

use domain::erasure::certificate::Destroyed;
use domain::ids::CustomerId;
use tests::fault::{Cut, Cutter};
use tests::lambda::{Function, Unanswered};
use uuid::Uuid;

use super::scene::{Office, event, secrets};

/// Runs an erasure in a process that is killed at the nth call to AWS; `false`: it made fewer, and was through.
async fn is_killed_at(office: &Office, (nth, cut): (usize, Cut), erasure: Uuid, customer: Option<Uuid>) -> bool {
    let cutter = Cutter::start(&office.cloud, nth, cut).await;
    let doomed = Function::of(&office.cloud, "erase-pii").set("AWS_ENDPOINT_URL", cutter.url());
    let doomed = doomed.start().await.unwrap();
    let call = doomed.invoke(&event(erasure, office.tenant(), customer));
    tokio::pin!(call);
    tokio::select! {
        () = cutter.reached() => {
            doomed.kill().await;
            assert!(matches!(call.await, Err(Unanswered::Died { .. })));
            true
        }
        answer = &mut call => {
            answer.unwrap();
            false
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_the_next_run_completes_it_and_there_is_one_certificate() {
    let office = Office::open().await;
    for cut in [Cut::Before, Cut::After] {
        for nth in 0.. {
            let (erasure, (customer, account)) = (Uuid::new_v4(), office.customer("Ada").await);
            let is_killed = is_killed_at(&office, (nth, cut), erasure, Some(customer)).await;
            let before = office.kept(erasure).await;
            office.erase(erasure, Some(customer)).await;
            let after = office.kept(erasure).await;
            // And once more, late.
            office.erase(erasure, Some(customer)).await;
            assert_eq!(office.kept(erasure).await, after, "{cut:?} call {nth}");
            assert!(before.is_empty() || before == after, "{cut:?} call {nth}");
            let certificate = office.certificate(erasure).await;
            assert_eq!(certificate.customer_id.map(CustomerId::uuid), Some(customer));
            assert!(matches!(
                certificate.destroyed,
                Destroyed::Subject {
                    ciphertext_sha256: Some(_),
                    ..
                }
            ));
            assert_eq!(office.erasure(erasure).await["status"], "certified");
            office.is_gone(customer, account).await;
            if !is_killed {
                assert!(nth > 10, "it makes more calls than {nth}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn killed_at_any_call_a_tenants_erasure_is_completed_by_the_next_run() {
    for nth in 0.. {
        let office = Office::open().await;
        let erasure = Uuid::new_v4();
        let mut customers = [office.customer("Ada").await, office.customer("Bob").await];
        customers.sort_unstable();
        let is_killed = is_killed_at(&office, (nth, Cut::After), erasure, None).await;
        let before = office.kept(erasure).await;
        office.erase(erasure, None).await;
        let after = office.kept(erasure).await;
        office.erase(erasure, None).await;
        assert_eq!(office.kept(erasure).await, after, "call {nth}");
        assert!(before.is_empty() || before == after, "call {nth}");
        let Destroyed::Tenant {
            customers: count,
            erased_before,
            ..
        } = office.certificate(erasure).await.destroyed
        else {
            panic!("it is a tenant's");
        };
        assert_eq!((count, erased_before), (2, 0), "call {nth}");
        for (customer, account) in customers {
            office.is_gone(customer, account).await;
        }
        assert!(!secrets(&office.cloud).await.contains(&office.vault.secret()));
        if !is_killed {
            assert!(nth > 20, "it makes more calls than {nth}");
            break;
        }
    }
}
