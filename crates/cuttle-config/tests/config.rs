//! From text to meaning, and from mistakes to sentences.

use std::{collections::BTreeMap, time::Duration};

use cuttle_config::{Admin, Config, Document, Errors, Inputs, print};
use cuttle_contract::{NextBuild, StrictSources};

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn inputs(text: &str, environment: &[(&str, &str)]) -> Inputs {
    let written =
        Document::parse("cuttle.toml", text).unwrap_or_else(|problems| panic!("{problems:?}"));
    Inputs { document: Some(written), environment: map(environment), ..Inputs::default() }
}

fn config(text: &str) -> Config {
    Config::resolve(&inputs(text, &[])).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Every sentence, as it is printed.
fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let problems = match Document::parse("cuttle.toml", text) {
        Err(problems) => problems,
        Ok(written) => {
            let inputs = Inputs {
                document: Some(written),
                environment: map(environment),
                ..Inputs::default()
            };
            Config::resolve(&inputs).expect_err("something is wrong with it")
        }
    };
    problems.iter().map(ToString::to_string).collect()
}

fn build() -> NextBuild {
    let manifest = include_str!("../../cuttle-contract/tests/builds/next-16.4.6-full.json");
    NextBuild::read(manifest).expect("a manifest").0
}

#[test]
fn nothing_written_means_the_documented_defaults() {
    let config = config("");
    assert_eq!(config.server.listen, None);
    assert_eq!(config.server.admin, Admin::At("127.0.0.1:4001".parse().expect("an address")));
    assert_eq!(config.server.prefix, "/_cuttle");
    assert_eq!(config.optimizer.timeout.duration(), Duration::from_secs(30));
    assert_eq!((config.optimizer.max_attempts, config.optimizer.errors), (3, Errors::Text));
    assert_eq!((config.limits.source.0, config.limits.queue), (20_000_000, 64));
    assert_eq!(config.apps[0].strict_sources, StrictSources::OfImages);
    assert_eq!(config.apps.len(), 1, "one without anything");
    assert_eq!(config.contract_images(&config.apps[0]), cuttle_contract::Images::default());
}

#[test]
fn values_are_read_in_every_spelling() {
    for (text, milliseconds) in [
        ("timeout = \"30s\"", 30_000),
        ("timeout = 2500", 2_500),
        ("timeout = \"2500\"", 2_500),
        ("timeout = \"${BUDGET:-1min}\"", 60_000),
    ] {
        let config = config(&format!("[optimizer]\n{text}\n"));
        assert_eq!(config.optimizer.timeout.0, milliseconds, "{text}");
    }
    let config =
        config("[limits]\nworkers = \"4\"\nmemory = \"2GiB\"\n[images]\nsizes = [100, \"200\"]\n");
    assert_eq!(config.limits.workers, Some(4));
    assert_eq!(config.limits.memory.map(|bytes| bytes.0), Some(2 << 30));
    assert_eq!(config.apps[0].images.sizes, [100, 200]);
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_build_beats_the_default() {
    let text = "[images]\nformats = [\"webp\"]\n[server]\nlisten = \"127.0.0.1:1\"\n";
    let mut inputs = Inputs { builds: vec![Some(build())], ..inputs(text, &[]) };
    let formats =
        |inputs: &Inputs| Config::resolve(inputs).expect("valid").apps[0].images.formats.clone();
    inputs.document = None;
    assert_eq!(formats(&inputs), ["avif", "webp"], "the build");
    inputs.document = Document::parse("cuttle.toml", text).ok();
    assert_eq!(formats(&inputs), ["webp"], "the file");
    inputs.environment = map(&[("CUTTLE_FORMATS", "webp, avif")]);
    assert_eq!(formats(&inputs), ["webp", "avif"], "the variable");
    inputs.flags.insert("formats", "avif".to_owned());
    assert_eq!(formats(&inputs), ["avif"], "the flag");
    let config = Config::resolve(&inputs).expect("valid");
    assert_eq!(config.apps[0].images.sizes, [64, 640, 1200], "still the build's");
    assert_eq!(config.apps[0].images.heights, [0_u32; 0], "still the default");
}

#[test]
fn one_pattern_in_the_file_replaces_those_of_the_build() {
    for (text, expected) in [
        ("", StrictSources::OfBuild),
        ("[images]\nsizes = [100]\n", StrictSources::OfBuild),
        ("[images]\nlocal_patterns = [\"/a/**\"]\n", StrictSources::OfImages),
        ("[images]\nremote_patterns = []\n", StrictSources::OfImages),
    ] {
        let inputs = Inputs { builds: vec![Some(build())], ..inputs(text, &[]) };
        let config = Config::resolve(&inputs).expect("valid");
        assert_eq!(config.apps[0].strict_sources, expected, "{text}");
        cuttle_contract::Rules::compile_build(
            &build(),
            &config.contract_images(&config.apps[0]),
            expected,
        )
        .expect("what resolves also compiles");
    }
}

#[test]
fn applications_are_read_in_their_order_and_flags_speak_of_the_only_one() {
    let config = config(
        "[[apps]]\nid = \"shop\"\nupstream = \"http://127.0.0.1:3000\"\n\
         [[apps.forward]]\npaths = [\"/private/**\"]\ncookies = [\"session\"]\n\
         [[apps]]\nid = \"blog\"\nhost = \"Blog.example\"\nupstream = \"http://127.0.0.1:3001\"\n\
         [apps.images]\nsizes = [200]\n[images]\nsizes = [100]\nformats = [\"avif\"]\n",
    );
    let images: Vec<_> = config.apps.iter().map(|app| app.images.clone()).collect();
    assert_eq!([&images[0].sizes[..], &images[1].sizes[..]], [[100], [200]]);
    assert!(images.iter().all(|images| images.formats == ["avif"]), "what it does not replace");
    assert_eq!(config.apps[1].keys.hosts[0].to_string(), "blog.example");
    assert_eq!(self::config(&print(&config)).apps, config.apps, "what is printed says the same");
    let ids: Vec<&str> = config.apps.iter().map(|app| app.keys.id.as_str()).collect();
    assert_eq!(ids, ["shop", "blog"]);
    assert_eq!(config.apps[0].forward[0].cookies, ["session"]);

    let flags = BTreeMap::from([("upstream", "http://127.0.0.1:5000".to_owned())]);
    let only =
        Config::resolve(&Inputs { flags: flags.clone(), ..Inputs::default() }).expect("valid");
    assert_eq!(only.apps[0].keys.id, "app");
    let text = "[[apps]]\nid = \"shop\"\nupstream = \"http://127.0.0.1:3000\"\n";
    let over = Config::resolve(&Inputs { flags, ..inputs(text, &[]) }).expect("valid");
    let upstream = over.apps[0].keys.upstream.as_ref().map(|url| url.0.as_str());
    assert_eq!((over.apps.len(), upstream), (1, Some("http://127.0.0.1:5000/")));
}

#[test]
fn a_mistake_is_a_sentence_that_points_at_its_place() {
    for (text, expected) in [
        (
            "[images]\n  szies = [640]\n",
            "there is no key `szies` in [images]; did you mean `sizes`?\n --> cuttle.toml:2:3\n  |\n2 |   szies = [640]\n  |   ^^^^^",
        ),
        ("[image]\nsizes = [1]\n", "there is no table [image]; did you mean `images`?"),
        ("[server]\nsizes = [1]\n", "`sizes` belongs into [images], not into [server]"),
        ("listen = \"x\"\n", "`listen` belongs into the table [server]"),
        ("colour = 1\n", "there is no key `colour` outside of tables"),
        (
            "[apps]\nid = \"a\"\n",
            "write [[apps]], with two brackets: it is a list, of one app or more",
        ),
        (
            "[[apps]]\nupstraem = \"http://a\"\n",
            "there is no key `upstraem` in [apps]; did you mean `upstream`?",
        ),
        ("[forward]\npaths = []\n", "there is no table [forward]"),
        ("[limits]\nworkers = 0\n", "`limits.workers` must be between 1 and 256"),
        ("[limits]\nworkers = -1\n", "`limits.workers` must be a whole number"),
        ("[limits]\nworkers = 1.5\n", "no key takes a fraction"),
        (
            "[limits]\nsource = \"20 apples\"\n",
            "`limits.source` must be a size such as \"512MiB\", or a number of bytes",
        ),
        ("[optimizer]\ntimeout = \"1ms\"\n", "`optimizer.timeout` must be between 1s and 10min"),
        (
            "[images]\nsizes = [640, 0]\n",
            "`images.sizes` has entry 2, which must be between 1 and 65535",
        ),
        ("[images]\nsizes = 640\n", "`images.sizes` must be a list in brackets"),
        ("[images]\nsvg = \"yes\"\n", "`images.svg` must be true or false"),
        (
            "[server]\nlisten = \"localhost\"\n",
            "`server.listen` must be an address and a port, such as \"127.0.0.1:4000\"",
        ),
        (
            "[server]\nadmin_token = \"${TOKEN}\"\n",
            "`server.admin_token` needs the variable TOKEN, which is not set",
        ),
        ("[storage]\ntype = \"redis\"\n", "`storage.type` cannot be \"redis\" yet"),
        ("[optimizer]\nerrors = \"xml\"\n", "`optimizer.errors` must be one of \"text\", \"json\""),
        (
            "[optimizer]\nfallback = \"shpo\"\n[[apps]]\nid = \"shop\"\n",
            "`optimizer.fallback` is \"shpo\", which is neither a URL nor the id of an application; did you mean `shop`?",
        ),
        ("[optimizer]\nonly = true\n", "`optimizer.only` needs `optimizer.fallback`"),
        (
            "[[apps]]\nid = \"a\"\nupstream = \"http://127.0.0.1:1\"\n[[apps]]\nid = \"a\"\nhost = \"a.example\"\nupstream = \"http://127.0.0.1:2\"\n",
            "there are two applications with the id \"a\"",
        ),
        ("[[apps]]\nupstream = \"http://u:p@h/\"\n", "`apps.upstream` must be a plain URL"),
    ] {
        let problems = problems(text, &[]);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].starts_with(expected), "{text}:\n{}", problems[0]);
        assert!(problems[0].contains("--> cuttle.toml:"), "{text}:\n{}", problems[0]);
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = "[limits]\nworkers = 0\nframes = \"many\"\n[images]\nsizes = [0]\n";
    assert_eq!(problems(text, &[]).len(), 3);
    assert_eq!(problems("[a]\n[b]\nc = 1\n", &[]).len(), 2);
}

#[test]
fn a_misspelled_variable_is_a_warning_and_one_of_another_is_not() {
    let environment = [("CUTTLE_WORKRES", "2"), ("CUTTLE_SERVICE_PORT_HTTP", "80"), ("HOME", "/")];
    let config = Config::resolve(&inputs("", &environment)).expect("valid");
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "there is no variable CUTTLE_WORKRES; did you mean `CUTTLE_WORKERS`?\n--> the variable CUTTLE_WORKRES"
        ]
    );
}

#[test]
fn a_number_that_next_has_in_seconds_is_a_warning_with_both_readings() {
    let warnings = |text: &str, environment: &[(&'static str, &'static str)]| {
        let config = Config::resolve(&inputs(text, environment)).expect("valid");
        config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let written = warnings("[images]\nmin_ttl = 60\n", &[]);
    for part in ["is 60 milliseconds", "\"60s\"", "\"60ms\"", "cuttle.toml:2"] {
        assert!(written.contains(part), "{part}: {written}");
    }
    assert!(warnings("", &[("CUTTLE_IMAGES_MIN_TTL", "60")]).contains("CUTTLE_IMAGES_MIN_TTL"));
    for fine in ["0", "1000", "\"60s\"", "\"60ms\""] {
        assert_eq!(warnings(&format!("[images]\nmin_ttl = {fine}\n"), &[]), "", "{fine}");
    }
}

#[test]
fn the_example_is_valid_and_means_what_it_says() {
    let text = include_str!("../../../docs/cuttle.example.toml");
    let config = Config::resolve(&inputs(text, &[])).expect("valid");
    assert!(config.warnings.is_empty() && config.set_in_vain().next().is_none());
    assert!(cuttle_contract::Rules::compile(&config.contract_images(&config.apps[0])).is_ok());
    // It shows what is not the default, so that nothing in it is idle.
    let defaults = print(&Config::resolve(&inputs("", &[])).expect("valid"));
    let said: Vec<_> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])).collect();
    assert!(said.len() >= 10, "{said:?}");
    for line in said {
        assert!(!defaults.lines().any(|default| default == line), "{line} is the default");
    }
}

#[test]
fn a_mistake_in_a_variable_names_it() {
    let expected = [
        "`limits.workers` is \"two\" and must be a whole number; write CUTTLE_WORKERS=2\n--> the variable CUTTLE_WORKERS",
    ];
    assert_eq!(problems("", &[("CUTTLE_WORKERS", "two")]), expected);
}

#[test]
fn a_secret_is_never_shown() {
    let config = Config::resolve(&inputs(
        "[server]\nadmin_token = \"${TOKEN}\"\n",
        &[("TOKEN", "open sesame")],
    ))
    .expect("valid");
    assert_eq!(
        config.server.admin_token.as_ref().map(cuttle_config::Secret::reveal),
        Some("open sesame")
    );
    assert!(print(&config).contains("admin_token = \"<redacted>\"  # cuttle.toml:2"));
    assert!(!print(&config).contains("sesame"));
    assert!(!format!("{config:?}").contains("sesame"));
    let wrong = problems("[server]\nadmin_token = [\"open sesame\"]\n", &[]);
    assert_eq!(
        wrong,
        [
            "`server.admin_token` must be a string\n --> cuttle.toml:2:15\n  |\n2 | admin_token = <redacted>\n  |               ^^^^^^^^^^"
        ]
    );
}

#[test]
fn what_is_printed_says_the_same_again() {
    let text = "[images]\nremote_patterns = [\"https://a.example/\\\"x\"]\nmin_ttl = 5\n[[apps]]\nnext = \".\"\n";
    let first = Config::resolve(&inputs(text, &[("CUTTLE_LISTEN", "127.0.0.1:9")])).expect("valid");
    let printed = print(&first);
    assert!(printed.contains("listen = \"127.0.0.1:9\"  # CUTTLE_LISTEN"), "{printed}");
    assert!(printed.contains("min_ttl = 5  # cuttle.toml:3"), "{printed}");
    let second = config(&printed);
    assert_eq!((first.server, first.apps), (second.server, second.apps));
}
