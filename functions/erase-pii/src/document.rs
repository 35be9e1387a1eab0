//! Erasures and holds on the wire.

use domain::answer::timestamp;
use domain::erasure::{Erasure, Hold, Scope, Standing, Whom};
use domain::ids::{CustomerId, ErasureId, TenantId};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Document {
    id: ErasureId,
    object: &'static str,
    scope: Scope,
    tenant_id: TenantId,
    customer_id: Option<CustomerId>,
    /// `asked`, `blocked`, `unknown`, `repeated`, `erasing`, `erased` or `certified`.
    status: &'static str,
    asked_by: String,
    asked_at: String,
    reason: String,
    /// When the person's key was destroyed, or the tenant's.
    erased_at: Option<String>,
    /// What blocked it.
    hold: Option<HoldDocument>,
    /// The erasure that did it.
    repeats: Option<ErasureId>,
    /// Of the certificate's document.
    certificate_sha256: Option<String>,
}

impl From<&Erasure> for Document {
    fn from(erasure: &Erasure) -> Self {
        let Erasure { id, asked, standing } = erasure;
        let mut document = Self {
            id: *id,
            object: "erasure",
            scope: asked.whom.scope(),
            tenant_id: asked.whom.tenant,
            customer_id: asked.whom.customer,
            status: standing.status().as_str(),
            asked_by: asked.by.clone(),
            asked_at: timestamp(asked.at),
            reason: asked.reason.clone(),
            erased_at: None,
            hold: None,
            repeats: None,
            certificate_sha256: None,
        };
        match standing {
            Standing::Asked | Standing::Unknown => (),
            Standing::Blocked(hold) => document.hold = Some(HoldDocument::of(hold)),
            Standing::Repeated { of, .. } => document.repeats = Some(*of),
            Standing::Erasing { at, .. } => document.erased_at = at.map(timestamp),
            Standing::Erased { at, .. } => document.erased_at = Some(timestamp(*at)),
            Standing::Certified { at, sha256 } => {
                document.erased_at = Some(timestamp(*at));
                document.certificate_sha256 = Some(sha256.to_string());
            }
        }
        document
    }
}

#[derive(Serialize)]
pub(crate) struct HoldDocument {
    object: &'static str,
    tenant_id: TenantId,
    /// `null`: it is on the tenant, and so on all of its customers.
    customer_id: Option<CustomerId>,
    held: bool,
    held_by: Option<String>,
    reason: Option<String>,
    since: Option<String>,
}

impl HoldDocument {
    pub(crate) fn of(hold: &Hold) -> Self {
        Self {
            held: true,
            held_by: Some(hold.by.clone()),
            reason: Some(hold.reason.clone()),
            since: Some(timestamp(hold.at)),
            ..Self::lifted(hold.whom)
        }
    }

    pub(crate) fn lifted(whom: Whom) -> Self {
        Self {
            object: "hold",
            tenant_id: whom.tenant,
            customer_id: whom.customer,
            held: false,
            held_by: None,
            reason: None,
            since: None,
        }
    }
}
