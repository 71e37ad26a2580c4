//! What people write who know Next, or who run from elsewhere: patterns as tables, paths beside the file, variables that are not there.

use std::{collections::BTreeMap, path::Path};

use cuttle_config::{Admin, Config, Document, Inputs};

fn config(name: &str, text: &str) -> Result<Config, Vec<String>> {
    let said = |problems: Vec<cuttle_config::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let document = Some(Document::parse(name, text).map_err(said)?);
    Config::resolve(&Inputs { document, ..Inputs::default() }).map_err(said)
}

#[test]
fn patterns_are_written_as_in_the_next_config_too() {
    let text = "[images]\n\
        remote_patterns = [{ protocol = \"https\", hostname = \"cdn.example.com\", port = \"8443\", pathname = \"/img/**\", search = \"\" }, \"b.example/**\", { hostname = \"**.example.com\" }]\n\
        local_patterns = [{ pathname = \"/a/**\", search = \"?v=1\" }, { pathname = \"/b/*\" }]\n";
    let images = config("cuttle.toml", text).expect("valid").apps[0].images.clone();
    assert_eq!(
        images.remote_patterns,
        ["https://cdn.example.com:8443/img/**?", "b.example/**", "**.example.com/**"]
    );
    assert_eq!(images.local_patterns.expect("written"), ["/a/**?v=1", "/b/*?*"]);
    let tables =
        "[[images.remote_patterns]]\nprotocol = \"https:\"\nhostname = \"a.example\"\nport = 444\n";
    let images = config("cuttle.toml", tables).expect("valid").apps[0].images.clone();
    assert_eq!(images.remote_patterns, ["https://a.example:444/**"]);
}

#[test]
fn a_table_that_can_never_match_is_told_its_right_form_at_its_place() {
    for (entry, said) in [
        (
            "{ hostname = \"https://a.example/x\" }",
            "write protocol = \"https\", hostname = \"a.example\"",
        ),
        (
            "{ hostname = \"a.example/x/**\" }",
            "write hostname = \"a.example\", pathname = \"/x/**\"",
        ),
        ("{ hostname = \"a.example\", pathname = \"x/**\" }", "write \"/x/**\""),
        ("{ hostname = \"a.example\", search = \"v=1\" }", "write \"?v=1\""),
        ("{ hostname = \"a.example\", pathname = \"/{a,b}/**\" }", "only Next's globs know"),
        ("{ hostnames = \"a.example\" }", "did you mean `hostname`?"),
        ("{ pathname = \"/**\" }", "needs a `hostname`"),
        ("{ hostname = 1 }", "must be a string"),
    ] {
        let problems = config("cuttle.toml", &format!("[images]\nremote_patterns = [{entry}]\n"));
        let problems = problems.expect_err(entry);
        assert!(
            problems[0].contains(said) && problems[0].contains("cuttle.toml:2:"),
            "{problems:?}"
        );
    }
}

#[test]
fn paths_in_a_file_are_relative_to_the_file() {
    let text = "[server]\nstate_dir = \"state\"\nadmin = \"unix:run/admin\"\n[[apps]]\nnext = \"app\"\n[storage]\npath = \"/srv/shared\"\n";
    let elsewhere = config("/etc/cuttle/cuttle.toml", text).expect("valid");
    assert_eq!(elsewhere.server.state_dir.as_deref(), Some(Path::new("/etc/cuttle/state")));
    assert_eq!(elsewhere.server.admin, Admin::Socket("/etc/cuttle/run/admin".into()));
    assert_eq!(elsewhere.apps[0].keys.next.as_deref(), Some(Path::new("/etc/cuttle/app")));
    assert_eq!(elsewhere.storage.path.as_deref(), Some(Path::new("/srv/shared")));
    let warned: Vec<String> =
        elsewhere.moved.iter().map(|moved| moved.warning().to_string()).collect();
    assert_eq!(warned.len(), 3, "{warned:?}");
    assert!(
        warned.iter().any(
            |it| it.contains("`apps.next` is /etc/cuttle/app") && it.contains("cuttle.toml:5:")
        ),
        "{warned:?}"
    );
    let here = config("cuttle.toml", text).expect("valid");
    assert_eq!(here.server.state_dir.as_deref(), Some(Path::new("state")));
    assert!(here.moved.is_empty());
}

#[test]
fn a_variable_that_is_not_there_is_named_with_the_one_that_is() {
    let warned = |name: &str| {
        let environment = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        let config = Config::resolve(&Inputs { environment, ..Inputs::default() }).expect("valid");
        config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (name, said) in [
        ("CUTTLE_IMAGES_FORMATS", "did you mean `CUTTLE_FORMATS`?"),
        ("CUTTLE_SERVER_LISTEN", "did you mean `CUTTLE_LISTEN`?"),
        ("CUTTLE_LISTN", "did you mean `CUTTLE_LISTEN`?"),
        ("CUTTLE_LOG_LEVEL", "so it does nothing"),
        ("CUTTLE_BANANA", "so it does nothing"),
    ] {
        assert!(warned(name).contains(said), "{name}: {:?}", warned(name));
    }
    for of_others in ["CUTTLE_SERVICE_HOST", "CUTTLE_PORT", "CUTTLE_WEB_PORT_80_TCP", "HOME"] {
        assert_eq!(warned(of_others), "", "{of_others}");
    }
}
