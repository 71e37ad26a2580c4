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
        for app in &config.apps {
            let _ = cuttle_contract::Rules::compile(&config.contract_images(app));
        }
        // A variable's value may itself look like one; those are not printed as they were meant.
        let printed = print(&config);
        if !printed.contains("${") {
            let again = resolve(&printed).expect("what is printed can be read");
            assert_eq!((&again.apps, &again.limits, &again.cache), (&config.apps, &config.limits, &config.cache));
        }
    }
    Err(problems) => {
        assert!(!problems.is_empty());
        assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.to_string().is_empty()));
    }
});
