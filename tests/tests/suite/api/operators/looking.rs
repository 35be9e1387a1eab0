use domain::settlement::log::StepOutcome;
use domain::settlement::step::{Step, Undo};
use serde_json::{Value, json};
use tests::api::ApiRequest;
use tests::cloud::Cloud;
use uuid::Uuid;

use super::scene::{Operator, SETTLEMENT, SETTLEMENTS, act, asked_about, in_limbo, stuck_after};
use crate::ledger::settlement::scene::{Call, FORWARD, Settlement};

#[tokio::test]
async fn an_inspection_tells_what_was_done_what_was_not_and_where_the_money_is() {
    let cloud = Cloud::running();
    let (ada, grace) = Operator::both(&cloud);
    let settlement = stuck_after(&cloud, &FORWARD[..3]).await;
    let id = settlement.id();
    let proposal = ada.proposal(id, "refund").await;
    grace.approve(id, proposal).await;
    let shown = grace.inspect(id).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let mut shown = shown.json();
    for time in [
        "/created_at",
        "/changed_at",
        "/limbo/since",
        "/proposals/0/proposed_at",
        "/resolution/approved_at",
    ] {
        assert!(shown.pointer_mut(time).unwrap().take().is_string(), "{time}");
    }
    for line in shown["log"].as_array_mut().unwrap() {
        assert!(line["created_at"].take().is_string());
    }
    let [buyer, merchant] = [settlement.request.source, settlement.request.destination];
    let [escrow, platform] = [settlement.escrow, settlement.platform];
    let line = |step: Step, outcome: &str, source: Uuid, destination: Uuid, amount: i64| {
        json!({
            "action": step.as_str(), "outcome": outcome, "transaction": settlement.key(step), "source": source,
            "destination": destination, "amount": amount, "below_floor": false, "created_at": null,
        })
    };
    assert_eq!(
        shown,
        json!({
            "id": id, "object": "settlement", "status": "limbo", "tenant_id": settlement.tenant(),
            "buyer": buyer, "escrow": escrow, "merchant": merchant, "platform": platform,
            "amount": 400, "fee": 10, "currency": "EUR",
            "limbo": {"since": null, "cause": "ledger_unavailable"},
            "money": [{"holder": "merchant", "account": merchant, "amount": 400}],
            "committed": ["hold", "verify", "release"],
            "not_committed": ["collect_fee"],
            "log": [
                line(Step::Hold, "posted", buyer, escrow, 400),
                line(Step::Verify, "approved", escrow, merchant, 400),
                line(Step::Release, "posted", escrow, merchant, 400),
                line(Step::CollectFee, "burnt", merchant, platform, 10),
            ],
            "proposals": [{
                "id": proposal, "decision": "refund", "reason": "it was looked into",
                "proposed_by": ada.arn(), "proposed_at": null,
            }],
            "resolution": {
                "proposal_id": proposal, "decision": "refund", "reason": "seen too",
                "proposed_by": ada.arn(), "approved_by": grace.arn(), "approved_at": null,
            },
            "created_at": null, "changed_at": null, "ended_at": null,
        })
    );
    let looked = act(&grace, "settlement_inspected", "done", None);
    assert_eq!(asked_about(&cloud, id).await.last(), Some(&looked));
}

#[tokio::test]
async fn the_money_is_followed_wherever_it_went() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let settler = cloud.pooled_as("settler").await;
    let rejected = [FORWARD[0], Call::Verify(StepOutcome::Rejected), Call::Burn];
    let undone = [Call::Burn, Call::Undo(Undo::Release), Call::Undo(Undo::Hold)];
    for (course, money) in [
        (vec![], json!([["buyer", 400]])),
        (rejected.to_vec(), json!([["escrow", 400]])),
        (FORWARD[..3].to_vec(), json!([["merchant", 400]])),
        (FORWARD.to_vec(), json!([["merchant", 390], ["platform", 10]])),
        ([&FORWARD[..3], &undone].concat(), json!([["buyer", 400]])),
    ] {
        let (_, settlement) = Settlement::accepted(&cloud).await;
        settlement.course(&settler, &course).await;
        let shown = ada.inspect(settlement.id()).await.json();
        let shares: Vec<_> = shown["money"].as_array().unwrap().iter().collect();
        let told: Value = shares
            .iter()
            .map(|share| json!([share["holder"], share["amount"]]))
            .collect();
        assert_eq!(told, money, "{course:?}");
    }
}

#[tokio::test]
async fn lists_show_what_waits_longest_first_whoever_s_it_is() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let settler = cloud.pooled_as("settler").await;
    // Many may wait that are not ours: all walks begin behind this one.
    let place = place_of(&cloud, in_limbo(&cloud).await.id()).await;
    let (mut limbo, mut parked) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        limbo.push(in_limbo(&cloud).await.id());
        let (_, waiting) = Settlement::accepted(&cloud).await;
        waiting.course(&settler, &FORWARD[..1]).await;
        waiting.call(&settler, Call::Park).await;
        parked.push(waiting.id());
    }
    for (query, expected) in [
        (vec![("limit", "1")], &limbo),
        (vec![("status", "limbo"), ("limit", "2")], &limbo),
        (vec![("status", "parked"), ("limit", "2")], &parked),
        (vec![("status", "accepted")], &vec![]),
    ] {
        let found = walk(&ada, &query, &place).await;
        let ours = found.iter().map(|it| it["id"].as_str().unwrap().parse().unwrap());
        let ours: Vec<Uuid> = ours.filter(|id| limbo.contains(id) || parked.contains(id)).collect();
        assert_eq!(&ours, expected, "{query:?}");
    }
    let lines = walk(&ada, &[], &place).await;
    let mut line = lines.into_iter().find(|line| line["id"] == json!(limbo[0])).unwrap();
    let accepted_at = line["created_at"].take().as_str().map(str::to_owned);
    assert!(accepted_at.is_some() && line["changed_at"].take().is_string());
    assert!(line["limbo"]["since"].take().is_string() && line["tenant_id"].take().is_string());
    assert_eq!(
        line,
        json!({
            "id": limbo[0], "object": "settlement", "status": "limbo", "tenant_id": null, "amount": 400, "fee": 10,
            "currency": "EUR", "limbo": {"since": null, "cause": "ledger_unavailable"}, "decision": null,
            "created_at": null, "changed_at": null,
        })
    );
    // Nobody waits longer than the first of the first page.
    let first = ada.send(ApiRequest::to(SETTLEMENTS).query("limit", 1)).await.json();
    assert!(first["data"][0]["created_at"].as_str() < accepted_at.as_deref() && first["next"].is_string());
    let looked = act(&ada, "settlements_listed", "done", None);
    assert!(
        asked_about(&cloud, "status=limbo after=none,none most=2")
            .await
            .contains(&looked)
    );
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_told() {
    let cloud = Cloud::running();
    let ada = Operator::named(&cloud, "ada");
    let nobodys = Uuid::new_v4();
    assert_eq!(ada.inspect(nobodys).await.problem(), "not-found");
    assert_eq!(
        asked_about(&cloud, nobodys).await,
        [act(&ada, "settlement_inspected", "unknown", None)]
    );
    let unreadable = ada.send(ApiRequest::to(SETTLEMENT).path("settlement_id", "one")).await;
    assert_eq!(unreadable.problem(), "not-found");
    for (name, value) in [
        ("status", "settled"),
        ("status", "Limbo"),
        ("cursor", "1"),
        ("limit", "0"),
    ] {
        let answer = ada.send(ApiRequest::to(SETTLEMENTS).query(name, value)).await;
        assert_eq!(
            (answer.status, &answer.json()["errors"][0]["pointer"]),
            (400, &json!(format!("?{name}"))),
            "{value}"
        );
    }
}

/// What a page that ends with this settlement has for its `next`.
async fn place_of(cloud: &Cloud, settlement: Uuid) -> String {
    let sql = "SELECT (extract(epoch FROM created_at) * 1000000)::bigint || '.' || settlement_id
                 FROM ledger.settlements WHERE settlement_id = $1";
    let row = cloud.superuser().await.query_one(sql, &[&settlement]).await.unwrap();
    row.get(0)
}

/// Page after page of `query` from that place on, to the last one.
async fn walk(operator: &Operator, query: &[(&str, &str)], place: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), place.to_owned());
    loop {
        let listing = ApiRequest::to(SETTLEMENTS).query("cursor", &cursor);
        let listing = query.iter().fold(listing, |all, (name, value)| all.query(name, value));
        let page = operator.send(listing).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        found.extend_from_slice(page["data"].as_array().unwrap());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return found,
        }
    }
}
