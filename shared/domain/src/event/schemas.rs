//! The JSON Schemas in `events/schemas`, one per event type, generated from the types that write the events.

use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{Event, EventType};

/// `make schemas` sets it: then the files are written instead of compared.
const WRITE: &str = "WRITE_SCHEMAS";

#[test]
fn the_schemas_in_the_tree_are_those_of_the_types() {
    for event_type in EventType::ALL {
        let (path, schema) = (path(event_type), schema(event_type));
        let generated = format!("{schema:#}\n");
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(kept, generated, "{} is stale: run `make schemas`", path.display());
    }
}

#[test]
fn there_is_no_schema_of_anything_else() {
    let kept = std::fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
    let (mut kept, mut known): (Vec<_>, Vec<_>) = (kept.collect(), EventType::ALL.map(path).into());
    kept.sort();
    known.sort();
    assert_eq!(kept, known);
}

/// The schema of [`Event`] says "one of these types"; a consumer of one type wants that one whole.
fn schema(event_type: EventType) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Event>().to_value();
    let types = schema["oneOf"].take();
    let of_type = |one: &&Value| one["properties"]["event_type"]["const"] == event_type.as_str();
    let one = types.as_array().unwrap().iter().find(of_type).unwrap();
    schema["$id"] = json!(format!("urn:onceledger:event:{event_type}"));
    schema["title"] = json!(event_type.as_str());
    let properties = one["properties"].as_object().unwrap().clone();
    schema["properties"].as_object_mut().unwrap().extend(properties);
    let required = one["required"].as_array().unwrap().iter().cloned();
    schema["required"].as_array_mut().unwrap().extend(required);
    schema.as_object_mut().unwrap().remove("oneOf");
    schema
}

fn path(event_type: EventType) -> PathBuf {
    directory().join(format!("{event_type}.json"))
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/schemas"))
}
