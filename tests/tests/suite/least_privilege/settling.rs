//! A settlement's steps: what they need of the breaker's table before anybody is asked.

use domain::settlement::step::Step;
use tests::cloud::Cloud;
use tests::kyc_simulator::KycSimulator;

use super::role::Role;
use crate::kyc::table::Table;
use crate::ledger::scratch::in_scratch_database;
use crate::ledger::settlement::scene::{FORWARD, Settlement, rows_of};
use crate::settlement::tasks::{asked, goes_to, on, told};

#[tokio::test]
async fn without_leave_for_any_use_of_the_breaker_nobody_is_verified_and_with_it_once() {
    in_scratch_database(async |scratch: Cloud| {
        let known = [
            "dynamodb:GetItem Breakers",
            "dynamodb:PutItem Breakers",
            "dynamodb:UpdateItem Breakers",
        ];
        let (settler, superuser) = (scratch.pooled_as("settler").await, scratch.superuser().await);
        for permission in known {
            // The breaker's record is put once, so each finds a table without.
            let (kyc, breakers) = (KycSimulator::start().await, Table::new().await);
            let role = Role::of(&scratch, "settle-step", &[("Breakers", &breakers.name)]).await;
            assert_eq!(role.permissions(), known, "say what happens without it");
            let function = || {
                on(&scratch, "settle-step")
                    .set("KYC_ORIGIN", kyc.origin())
                    .set("BREAKER_TABLE", &breakers.name)
            };
            let (_, settlement) = Settlement::accepted(&scratch).await;
            settlement.course(&settler, &FORWARD[..1]).await;
            let held = rows_of(&superuser, &settlement).await;
            let (verify, release) = (asked(&settlement, "verify"), asked(&settlement, "release"));

            let bound = role.binding_without(permission, function()).start().await.unwrap();
            assert_ne!(told(&bound, &verify).await, goes_to("release"), "{permission}");
            assert_eq!(
                told(&bound, &release).await,
                goes_to("verify"),
                "{permission}: it was not verified"
            );
            assert_eq!(rows_of(&superuser, &settlement).await, held, "{permission}");
            assert_eq!(
                kyc.calls().len(),
                0,
                "{permission}: nobody may be asked past the breaker"
            );

            let whole = role.binding(function()).start().await.unwrap();
            assert_eq!(told(&whole, &verify).await, goes_to("release"), "{permission}");
            assert_eq!(told(&whole, &verify).await, goes_to("release"), "{permission}");
            assert_eq!(
                kyc.calls()[0].body["reference"],
                settlement.key(Step::Verify).to_string()
            );
            assert_eq!(kyc.calls().len(), 1, "{permission}");
            assert_eq!(rows_of(&superuser, &settlement).await, held + 1, "{permission}");
        }
    })
    .await;
}

/// They reach nothing but the ledger.
#[tokio::test]
async fn who_undoes_burns_and_resolves_has_no_permission_to_lose() {
    let cloud = Cloud::running();
    for function in [
        "compensate",
        "read-settlement",
        "read-payment",
        "read-account",
        "open-account",
    ] {
        let role = Role::of(&cloud, function, &[]).await;
        assert_eq!(role.permissions(), [""; 0], "{function}: say what happens without it");
    }
}
