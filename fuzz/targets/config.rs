//! Any `cuttle.toml`: no panic, every mistake has a sentence, and what is printed says the same again.
#![no_main]

use std::collections::BTreeMap;

use cuttle_config::{Config, Inputs, Document, print};
use libfuzzer_sys::fuzz_target;

fn resolve(text: &str) -> Result<Config, Vec<cuttle_config::Problem>> {
    let document = Document::parse("cuttle.toml", text)?;
    let environment = BTreeMap::from([("SET".to_owned(), "value".to_owned())]);
    Config::resolve(&Inputs { document: Some(document), environment, ..Inputs::default() })
}

fuzz_target!(|text: &str| match resolve(text) {
    Ok(config) => {
        let _ = cuttle_contract::Rules::compile(&config.contract_images());
        // A variable's value may itself look like one; those are not printed as they were meant.
        let printed = print(&config);
        if !printed.contains("${") {
            let again = resolve(&printed).expect("what is printed can be read");
            assert_eq!((&again.images, &again.limits, &again.cache), (&config.images, &config.limits, &config.cache));
        }
    }
    Err(problems) => {
        assert!(!problems.is_empty());
        assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.to_string().is_empty()));
    }
});
