use super::*;

fn read(text: &str) -> Vec<(String, String)> {
    parse_env_file(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn a_line_is_a_name_and_a_value() {
    for (line, value) in [
        ("A=b", "b"),
        ("A=", ""),
        ("A=\r", ""),
        ("  A =  b c  ", "b c"),
        ("export A=b", "b"),
        ("export\tA=b", "b"),
        ("A=b=c", "b=c"),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A=#b", "#b"),
        ("A= # nothing", ""),
        ("A=it's", "it's"),
        ("A=$HOME", "$HOME"),
        ("A='b # \\n \"c\"' # why", "b # \\n \"c\""),
        ("A=\"b\\n\\t\\\\ \\\"c\\\" \\d\"", "b\n\t\\ \"c\" \\d"),
        ("A=\"one\ntwo\"", "one\ntwo"),
        ("A='one\r\ntwo'\r", "one\r\ntwo"),
        ("A=\"\"", ""),
        ("A=ü", "ü"),
        ("\u{feff}A=b", "b"),
    ] {
        assert_eq!(read(line), [("A".to_owned(), value.to_owned())], "{line:?}");
    }
}

#[test]
fn a_file_has_comments_and_the_last_of_two_counts() {
    let text = "# one\n\nA=1\r\n  # two\nB='2\n3'\nexportC=4\nA=5";
    let expected = [("B", "2\n3"), ("exportC", "4"), ("A", "5")];
    assert_eq!(read(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(read(""), []);
}

#[test]
fn a_mistake_is_told_with_its_line() {
    for (text, line, mistake) in [
        ("A", 1, Mistake::NoEquals),
        ("A=1\n\nexport B", 3, Mistake::NoEquals),
        ("A='1\n2'\nB", 3, Mistake::NoEquals),
        ("=1", 1, Mistake::Name),
        ("1A=1", 1, Mistake::Name),
        ("A B=1", 1, Mistake::Name),
        ("Ä=1", 1, Mistake::Name),
        ("A=1\nB='2\nC=3", 2, Mistake::Unclosed),
        ("A=\"1\\", 1, Mistake::Unclosed),
        ("A=\"1\" 2", 1, Mistake::AfterQuote),
        ("A=\"1\n2\"3", 1, Mistake::AfterQuote),
        ("A=\0", 1, Mistake::Nul),
    ] {
        assert_eq!(parse_env_file(text), Err(EnvFileError { line, mistake }), "{text:?}");
    }
    let told = parse_env_file("A=1\nSECRET").expect_err("a mistake").to_string();
    assert_eq!(told, "line 2: it is not NAME=VALUE");
}

#[test]
fn what_is_written_with_quotes_is_read_back() {
    let alphabet: Vec<char> = "ab =#'\"\\\n\r\tnü$".chars().collect();
    let text = |rng: &mut fastrand::Rng| -> String {
        (0..rng.usize(..12)).map(|_| alphabet[rng.usize(..alphabet.len())]).collect()
    };
    let mut rng = fastrand::Rng::with_seed(14);
    for _ in 0..20_000 {
        let values: Vec<_> = (0..rng.usize(..4)).map(|_| text(&mut rng)).collect();
        let variables = values.into_iter().enumerate().map(|(at, it)| (format!("N_{at}"), it));
        let variables: Vec<_> = variables.collect();
        let mut file = String::new();
        for (name, value) in &variables {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            file += &match value.contains('\'') {
                false if rng.bool() => format!("{name}='{value}'\n"),
                _ => format!("export {name} = \"{escaped}\" # {name}\n\n"),
            };
        }
        assert_eq!(read(&file), variables, "{file:?}");
        // Anything at all is read or refused, and what is read can be a variable.
        if let Ok(read) = parse_env_file(&text(&mut rng)) {
            assert!(read.iter().all(|(name, _)| !name.is_empty() && !name.contains('=')));
        }
    }
}
