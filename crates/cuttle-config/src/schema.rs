//! `cuttle config schema`: the same definition for editors.

use serde_json::{Map, Value, json};

use crate::{
    keys::{Key, TABLES, keys},
    value::Kind,
};

/// A JSON Schema (draft 2020-12) of `cuttle.toml`.
#[must_use]
pub fn schema() -> String {
    let mut tables = Map::new();
    for (table, about) in TABLES.iter().filter(|(table, _)| *table != "forward") {
        let mut schema = object(table, about);
        if *table == "apps" {
            let (_, about) =
                TABLES.iter().find(|(table, _)| *table == "forward").unwrap_or(&TABLES[0]);
            schema["properties"]["forward"] =
                json!({ "type": "array", "items": object("forward", about) });
            schema = json!({ "type": "array", "items": schema });
        }
        tables.insert((*table).to_owned(), schema);
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cuttle.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": tables,
    });
    format!("{schema:#}\n")
}

fn object(table: &str, about: &[&str]) -> Value {
    let of_table = keys().iter().filter(|key| key.table == table);
    let properties: Map<String, Value> =
        of_table.map(|key| (key.name().to_owned(), property(key))).collect();
    json!({
        "type": "object",
        "description": about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
        "additionalProperties": false,
        "properties": properties,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = of_kind(key.kind, key.range);
    schema["description"] = key.doc().into();
    if let (Some(default), false) = (key.default, matches!(key.kind, Kind::List(_))) {
        schema["default"] = match key.kind {
            Kind::Bool => (default == "true").into(),
            Kind::Integer => default.parse::<u64>().map_or(Value::Null, Value::from),
            _ => default.into(),
        };
    }
    schema
}

fn of_kind(kind: Kind, range: Option<(u64, u64)>) -> Value {
    let number = |pattern: &str| {
        let (least, most) = range.unwrap_or((0, u64::MAX));
        json!({ "anyOf": [
            { "type": "integer", "minimum": least, "maximum": most },
            { "type": "string", "pattern": format!("{pattern}|\\$\\{{") },
        ] })
    };
    match kind {
        Kind::Bool => json!({ "type": ["boolean", "string"] }),
        Kind::Integer => number("^[0-9]+$"),
        Kind::Duration => number("^[0-9]+ *(ms|s|m|min|h|d)?$"),
        Kind::Size => number("^[0-9]+ *([kKmMgG]?[bB]|[kKmMgG]([iI][bB])?)?$"),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::Text | Kind::Secret | Kind::Network | Kind::Url | Kind::Path => {
            json!({ "type": "string" })
        }
        Kind::Address | Kind::AddressOrOff => json!({ "type": ["string", "integer"] }),
        Kind::List(entry) => json!({ "type": "array", "items": of_kind(*entry, range) }),
    }
}
