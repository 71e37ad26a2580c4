//! `${NAME}` and `${NAME:-default}` in strings of the file.

/// Replaces every `${…}`; `variable` looks one up.
///
/// # Errors
/// What is wrong, in words that follow the name of the key.
pub(crate) fn interpolate(
    text: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        done.push_str(before);
        let (inside, after) = after.split_once('}').ok_or("has a ${ without its }")?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(letters) {
            return Err(format!("has ${{{inside}}}, which names no variable"));
        }
        // As in a shell, `:-` also stands in for a variable that is empty.
        let value = variable(name).filter(|value| default.is_none() || !value.is_empty());
        match (value, default) {
            (Some(value), _) => done.push_str(&value),
            (None, Some(default)) => done.push_str(default),
            (None, None) => {
                return Err(format!(
                    "needs the variable {name}, which is not set (${{{name}:-…}} has a default)"
                ));
            }
        }
        rest = after;
    }
    done.push_str(rest);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_replaced_once() {
        let variable = |name: &str| match name {
            "HOST" => Some("cdn.example".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("plain $x {y}", Ok("plain $x {y}")),
            ("https://${HOST}/a", Ok("https://cdn.example/a")),
            ("${HOST}${HOST}", Ok("cdn.examplecdn.example")),
            ("${NOT_SET:-x}", Ok("x")),
            ("${NOT_SET:-}", Ok("")),
            ("${EMPTY:-x}", Ok("x")),
            ("${EMPTY}", Ok("")),
            ("${NESTED}", Ok("${HOST}")),
            ("${a b}", Err("has ${a b}, which names no variable")),
            ("${", Err("has a ${ without its }")),
            (
                "${NOT_SET}",
                Err("needs the variable NOT_SET, which is not set (${NOT_SET:-…} has a default)"),
            ),
        ] {
            let got = interpolate(text, variable);
            assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
