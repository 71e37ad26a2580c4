//! Builds made of a real one: the same application, guarded and configured otherwise.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

pub(crate) const SERVER_FILES: &str = "required-server-files.json";
const MIDDLEWARE: &str = "server/middleware-manifest.json";
const FUNCTIONS: &str = "server/functions-config-manifest.json";

/// The manifests of a build, from which others are made: the same application, guarded and configured otherwise. The code of its
/// guard says 401 to whatever its matchers let it see.
pub(crate) struct Build {
    server_files: Value,
    middleware: Value,
    functions: Value,
    routes: String,
}

impl Build {
    pub(crate) fn read(folder: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the build");
        let json = |name: &str| serde_json::from_str(&text(name)).expect("JSON");
        Self {
            server_files: json(SERVER_FILES),
            middleware: json(MIDDLEWARE),
            functions: json(FUNCTIONS),
            routes: text("routes-manifest.json"),
        }
    }

    /// Files of a build with these guards and qualities, in the order in which they are written.
    pub(crate) fn files(
        &self,
        id: &str,
        guarded: &[&str],
        qualities: &[u32],
    ) -> Vec<(&'static str, String)> {
        let (mut server_files, mut middleware) =
            (self.server_files.clone(), self.middleware.clone());
        let mut functions = self.functions.clone();
        server_files["config"]["images"]["qualities"] = json!(qualities);
        let regexp = |path: &&str| format!("^{}$", path.replace('.', "\\."));
        let matcher = |path| json!({ "regexp": regexp(path), "originalSource": path });
        let matchers: Value = guarded.iter().map(matcher).collect();
        let all_functions = functions["functions"].as_object_mut().expect("functions");
        for (guards, name) in [
            (middleware["middleware"].as_object_mut().expect("middleware"), "/"),
            (all_functions, "/_middleware"),
        ] {
            match guards.get_mut(name) {
                Some(guard) if !guarded.is_empty() => guard["matchers"] = matchers.clone(),
                _ => drop(guards.remove(name)),
            }
        }
        if guarded.is_empty() {
            middleware["sortedMiddleware"] = json!([]);
        }
        vec![
            ("routes-manifest.json", self.routes.clone()),
            (MIDDLEWARE, middleware.to_string()),
            (FUNCTIONS, functions.to_string()),
            (SERVER_FILES, server_files.to_string()),
            ("BUILD_ID", id.to_owned()),
            ("export-marker.json", r#"{"version":1}"#.to_owned()),
        ]
    }
}

pub(crate) fn write(built: &Path, files: &[(&'static str, String)]) {
    for (name, text) in files {
        let path = built.join(name);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, text).expect("a file of the build");
    }
}

/// As `next build` does it: what was there goes, and the new one comes.
pub(crate) fn build(built: &Path, files: &[(&'static str, String)]) {
    for (name, _) in files {
        drop(fs::remove_file(built.join(name)));
    }
    write(built, files);
}
