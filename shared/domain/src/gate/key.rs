//! Where a client key's record lies.

use crate::canonical::Canonical;
use crate::ids::{ClientKey, TenantId};

/// How many partitions a tenant's records are spread over. One alone would be as hot as the tenant is busy; to list a
/// tenant's records takes this many queries.
pub const SHARDS: u8 = 16;

/// The two parts of the gate table's primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GateKey;

/// No claim of any key looks for its record in this place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the place of a key's record")]
pub struct NotAGateKey;

impl GateKey {
    /// `tenant#{tenant}#shard#{0..16}`
    #[must_use]
    pub fn partition(tenant: TenantId, key: ClientKey) -> String {
        let [first, ..] = Canonical::tagged("onceledger/gate-shard/1").uuid(key.uuid()).half();
        format!("tenant#{tenant}#shard#{}", first % SHARDS)
    }

    /// `key#{client key in lower case}`
    #[must_use]
    pub fn sort(key: ClientKey) -> String {
        format!("key#{key}")
    }

    /// Whose key, and which, has its record in this place: partition and sort key as stored.
    ///
    /// # Errors
    /// [`NotAGateKey`], also for the right words in the wrong shard.
    pub fn read(partition: &str, sort: &str) -> Result<(TenantId, ClientKey), NotAGateKey> {
        let (tenant, _) = partition
            .strip_prefix("tenant#")
            .and_then(|rest| rest.split_once('#'))
            .ok_or(NotAGateKey)?;
        let tenant: TenantId = tenant.parse().map_err(|_| NotAGateKey)?;
        let key = sort.strip_prefix("key#").ok_or(NotAGateKey)?;
        let key: ClientKey = key.parse().map_err(|_| NotAGateKey)?;
        if Self::partition(tenant, key) == partition && Self::sort(key) == sort {
            Ok((tenant, key))
        } else {
            Err(NotAGateKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    /// A record is found again only while this holds.
    #[test]
    fn a_key_never_moves() {
        let key = ClientKey::parse(Some("0192F0C1-2B3A-7C4D-8E5F-60718293A4B5")).unwrap();
        let partition = GateKey::partition(Uuid::from_u128(1).into(), key);
        assert_eq!(partition, "tenant#00000000-0000-0000-0000-000000000001#shard#15");
        assert_eq!(GateKey::sort(key), "key#0192f0c1-2b3a-7c4d-8e5f-60718293a4b5");
    }

    #[test]
    fn the_keys_of_a_tenant_reach_every_shard_and_no_other() {
        let partitions: BTreeSet<String> = (0..500)
            .map(|key| GateKey::partition(Uuid::nil().into(), Uuid::from_u128(key).into()))
            .collect();
        let expected = (0..SHARDS)
            .map(|shard| format!("tenant#{}#shard#{shard}", Uuid::nil()))
            .collect();
        assert_eq!(partitions, expected);
    }

    #[test]
    fn a_place_reads_back_what_it_writes_and_nothing_else() {
        let (tenant, key) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let (partition, sort) = (GateKey::partition(tenant, key), GateKey::sort(key));
        assert_eq!(GateKey::read(&partition, &sort), Ok((tenant, key)));
        let (place, shard) = partition.rsplit_once('#').unwrap();
        let other_shard = (shard.parse::<u8>().unwrap() + 1) % SHARDS;
        for (partition, sort) in [
            ("", ""),
            (&*partition, &*key.to_string()),
            (&*tenant.to_string(), &*sort),
            (&*format!("{place}#{other_shard}"), &*sort),
            (&*format!("{partition}#"), &*sort),
            (&*format!("{place}#0{shard}"), &*sort),
            (&*partition.to_uppercase(), &*sort),
            (&*partition, &*format!("{sort} ")),
            (&*partition, &*GateKey::sort(Uuid::from_u128(3).into())),
        ] {
            let read = GateKey::read(partition, sort);
            // Another key may share the shard; then it is that key's place.
            assert_ne!(read, Ok((tenant, key)), "{partition} {sort}");
        }
    }
}
