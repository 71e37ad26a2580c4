//! `docs/configuration.md` is what the definition says.

use std::{fs, path::Path};

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let expected = cuttle_config::reference();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).expect("the page can be written");
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == expected,
        "docs/configuration.md is out of date; its head says how to write it again"
    );
}

#[test]
fn every_key_has_a_sentence_a_variable_of_its_own_and_a_default_that_can_be_read() {
    let mut variables = std::collections::BTreeSet::new();
    for key in cuttle_config::keys() {
        assert!(key.doc().ends_with('.'), "{}", key.path());
        assert!(variables.insert(key.variable()), "{} shares its variable", key.path());
        // Both where a build or a folder has another one.
        assert!(key.default.is_some() || key.absent.is_some(), "{}", key.path());
    }
    let config = cuttle_config::Config::resolve(&cuttle_config::Inputs::default());
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn the_schema_knows_every_key_and_refuses_others() {
    let schema: serde_json::Value =
        serde_json::from_str(&cuttle_config::schema()).expect("the schema is JSON");
    for key in cuttle_config::keys() {
        let table = match key.table {
            "apps" => &schema["properties"]["apps"]["items"],
            "forward" => &schema["properties"]["apps"]["items"]["properties"]["forward"]["items"],
            table => &schema["properties"][table],
        };
        assert_eq!(table["properties"][key.name()]["description"], key.doc(), "{}", key.path());
        assert_eq!(table["additionalProperties"], false, "{}", key.table);
    }
}
