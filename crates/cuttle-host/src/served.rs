//! What is served, for people: said by the log at start, by `cuttle check` and beneath `cuttle config print`, so that all three say
//! the same.
//!
//! It is what was read. The one thing that is tried is a connection to the application, with no request on it.

use std::collections::BTreeMap;
use std::fmt;

use cuttle_config::{App, AppKeys, Config};
use cuttle_contract::{NextBuild, NextLocalPattern, NextRemotePattern, StrictSources};
use cuttle_server::Reach;
use cuttle_source::{AskedOfApp, Project};
use serde::Serialize;

use crate::application;
use crate::configuration::{Configured, ConfiguredApp};

/// Of a list, in one line.
const MOST_IN_LINE: usize = 3;

/// Everything that is said.
#[derive(Debug, Serialize)]
pub struct Served {
    /// The id of the application, where there are several.
    app: Option<String>,
    /// Which requests are for it, where not all are.
    #[serde(rename = "for")]
    route: Option<String>,
    /// The application, or where originals come from; nothing in front of a folder.
    application: Option<Application>,
    build: Option<Build>,
    widths: Vec<u32>,
    /// Empty: any.
    qualities: Vec<u32>,
    formats: Vec<String>,
    /// In words.
    remote: Vec<String>,
    /// In words; nothing where every path without a query is allowed.
    local: Option<Vec<String>>,
    asked_of_app: Asked,
    #[serde(skip)]
    reach: Option<Reach>,
}

/// Of one application as an object, of several as a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ServedApps {
    /// The only one.
    One(Box<Served>),
    /// Each of several.
    Several(Vec<Served>),
}

impl From<Vec<Served>> for ServedApps {
    fn from(mut all: Vec<Served>) -> Self {
        match all.pop() {
            Some(only) if all.is_empty() => Self::One(Box::new(only)),
            last => Self::Several(all.into_iter().chain(last).collect()),
        }
    }
}

impl ServedApps {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Served> {
        match self {
            Self::One(only) => std::slice::from_ref(&**only).iter(),
            Self::Several(all) => all.iter(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Application {
    url: String,
    /// Nothing else than images is asked of it.
    originals_only: bool,
    /// Nothing where it was not tried.
    answers: Option<bool>,
}

/// What the build says beside lists.
#[derive(Debug, Serialize)]
struct Build {
    next: Option<String>,
    release: Vec<String>,
    /// Where its pages ask for images; nothing where it has no such endpoint.
    endpoint: Option<String>,
    largest_original: Option<u64>,
    redirects: u32,
    /// Its patterns as a file may have them, whichever hold at the strict endpoint.
    remote: Vec<String>,
    local: Option<Vec<String>>,
    /// Its own rules that would also have run for its image endpoint, and do not: they run for the originals.
    rules_not_run: Vec<String>,
    /// Names of the headers that its `headers()` give that endpoint, and of those that it gives in vain.
    headers: Vec<String>,
    headers_left_out: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct Asked {
    images: usize,
    /// There were more files than were looked at.
    is_part: bool,
    because_of: Vec<String>,
}

impl Served {
    /// Each application, without trying anything. Blocks.
    #[must_use]
    pub fn of(configured: &Configured) -> Vec<Self> {
        configured.apps.iter().map(Self::of_app).collect()
    }

    fn of_app(configured: &ConfiguredApp) -> Self {
        let ConfiguredApp { config, project, .. } = configured;
        let app = configured.app();
        let build = project.as_ref().map(|project| &project.build);
        let of_build = build.filter(|_| app.strict_sources == StrictSources::OfBuild);
        let remote = match of_build {
            Some(build) => remote_of(build),
            None => app.images.remote_patterns.clone(),
        };
        let local = match of_build {
            Some(build) => {
                build.local_patterns.as_ref().map(|list| list.iter().map(local).collect())
            }
            None => app.images.local_patterns.clone(),
        };
        Self {
            app: (config.apps.len() > 1).then(|| app.keys.id.clone()),
            route: route(app),
            application: application(config, app),
            build: project.as_ref().map(Build::of),
            widths: app.images.sizes.clone(),
            qualities: match build {
                Some(build) => build.qualities.clone().unwrap_or_default(),
                None => app.images.qualities.clone(),
            },
            formats: app.images.formats.clone(),
            remote,
            local,
            asked_of_app: project.as_ref().map(Project::asked_of_app).unwrap_or_default().into(),
            reach: application::behind(config, app).as_ref().and_then(Reach::of),
        }
    }

    /// The same, and whether the application is there.
    pub async fn tried(mut self) -> Self {
        if let (Some(application), Some(reach)) = (&mut self.application, &self.reach) {
            application.answers = Some(reach.is_there().await);
        }
        self
    }

    /// What the build says at `/_next/image`, by the key that says the same for the strict endpoint.
    #[must_use]
    pub fn of_build(&self) -> BTreeMap<&'static str, String> {
        let Some(build) = &self.build else { return BTreeMap::new() };
        let list = |patterns: &[String]| format!("[{}]", patterns.join(", "));
        let mut said = BTreeMap::from([
            ("images.remote_patterns", list(&build.remote)),
            ("limits.max_redirects", build.redirects.to_string()),
        ]);
        said.extend(build.local.as_deref().map(|local| ("images.local_patterns", list(local))));
        let largest =
            build.largest_original.map(|bytes| ("limits.source", format!("\"{bytes}B\"")));
        said.extend(largest);
        said
    }

    /// Nothing listens where the application should be: what to do about it.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let Application { url, answers, .. } = self.application.as_ref()?;
        (*answers == Some(false))
            .then(|| format!("nothing listens at {url}: start the app, or correct --upstream"))
    }

    /// In one line, the application first.
    pub(crate) fn line(&self) -> String {
        let front =
            self.application.as_ref().map_or_else(|| "a folder".to_owned(), ToString::to_string);
        let build = self.build.as_ref().map(Build::name);
        let formats = match &self.formats[..] {
            [] => "no modern format".to_owned(),
            formats => formats
                .iter()
                .map(|name| spoken(name.trim_start_matches("image/")))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let remote = match self.remote.len() {
            0 => "no remote patterns".to_owned(),
            1 => format!("1 remote pattern: {}", self.remote[0]),
            number => format!("{number} remote patterns: {}", first_of(&self.remote)),
        };
        let name = self.app.as_ref().map(|id| match &self.route {
            Some(route) => format!("{id} for {route}"),
            None => id.clone(),
        });
        let asked = self.asked_of_app.words();
        let parts = [name, Some(front), build, Some(formats), Some(remote), asked];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = |numbers: &[u32]| match numbers {
            [] => "any".to_owned(),
            numbers => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        };
        let patterns = |patterns: &[String]| match patterns {
            [] => "none".to_owned(),
            patterns => patterns.join("\n                   "),
        };
        if let Some(id) = &self.app {
            writeln!(f, "  {id}")?;
        }
        if let Some(route) = &self.route {
            writeln!(f, "    for            {route}")?;
        }
        if let Some(application) = &self.application {
            writeln!(f, "    application    {application}")?;
        }
        if let Some(build) = &self.build {
            writeln!(f, "    build          {}", build.name())?;
            writeln!(f, "    endpoint       {}", build.endpoint.as_deref().unwrap_or("none"))?;
        }
        writeln!(f, "    widths         {}", numbers(&self.widths))?;
        writeln!(f, "    qualities      {}", numbers(&self.qualities))?;
        writeln!(f, "    formats        {}", self.formats.join(" "))?;
        writeln!(f, "    remote         {}", patterns(&self.remote))?;
        match &self.local {
            None => writeln!(f, "    local          every path of the app")?,
            Some(local) => writeln!(f, "    local          {}", patterns(local))?,
        }
        if let Some(build) = &self.build {
            if let Some(bytes) = build.largest_original {
                writeln!(f, "    original       at most {} MB", bytes / 1_000_000)?;
            }
            writeln!(f, "    redirects      at most {}", build.redirects)?;
            if !build.headers.is_empty() {
                writeln!(f, "    its headers()  {}", build.headers.join(" "))?;
            }
        }
        if let Some(asked) = self.asked_of_app.words() {
            writeln!(f, "    public/        {asked}")?;
        }
        for header in self.build.iter().flat_map(|build| &build.headers_left_out) {
            writeln!(f, "  ! of its headers(), this is not sent with images: {header}")?;
        }
        for rule in self.build.iter().flat_map(|build| &build.rules_not_run) {
            writeln!(f, "  ! this rule covers the image endpoint and is not run there: {rule}")?;
        }
        Ok(())
    }
}

/// Methods, then hosts and paths as they are written in an address bar.
fn route(app: &App) -> Option<String> {
    let AppKeys { hosts, prefix, routes, methods, .. } = &app.keys;
    if app.route().is_everything() {
        return None;
    }
    let paths = match &routes[..] {
        [] => vec![prefix.as_str().to_owned()],
        routes => routes.iter().map(ToString::to_string).collect(),
    };
    let hosts = match &hosts[..] {
        [] => vec![String::new()],
        hosts => hosts.iter().map(ToString::to_string).collect(),
    };
    let named = hosts.iter().flat_map(|host| paths.iter().map(move |path| format!("{host}{path}")));
    Some(methods.iter().map(ToString::to_string).chain(named).collect::<Vec<_>>().join(" "))
}

fn application(config: &Config, app: &App) -> Option<Application> {
    let run = &app.keys.run;
    let url = match application::behind(config, app) {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None if !run.is_empty() => format!("`{}`, which Cuttle runs", run.join(" ")),
        None => return None,
    };
    let front = app.keys.upstream.is_some() || !run.is_empty();
    Some(Application { url, originals_only: config.optimizer.only || !front, answers: None })
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.originals_only { "originals of " } else { "in front of " })?;
        f.write_str(&self.url)?;
        f.write_str(match self.answers {
            Some(true) => " (answers)",
            Some(false) => " (nothing listens there)",
            None => "",
        })
    }
}

impl Build {
    fn of(project: &Project) -> Self {
        let Project { build, coverage, headers, releases, version, .. } = project;
        let path = format!("{}/_next/image", build.base_path);
        Self {
            next: version.clone(),
            release: releases.clone(),
            largest_original: build.max_response_body,
            redirects: build.max_redirects,
            remote: remote_tables(build),
            local: build.local_patterns.as_ref().map(|list| list.iter().map(local_table).collect()),
            rules_not_run: coverage.covering(&path).map(ToOwned::to_owned).collect(),
            headers: headers.applied.keys().map(ToString::to_string).collect(),
            headers_left_out: headers.left_out.clone(),
            endpoint: build.endpoint.then_some(path),
        }
    }

    fn name(&self) -> String {
        let version = self.next.as_deref().unwrap_or("(version unknown)");
        format!("Next {version} build {}", self.release.join(" "))
    }
}

impl From<AskedOfApp> for Asked {
    fn from(AskedOfApp { images, is_part, rules }: AskedOfApp) -> Self {
        Self { images, is_part, because_of: rules }
    }
}

impl Asked {
    fn words(&self) -> Option<String> {
        let more = if self.is_part { " or more" } else { "" };
        let images = if self.images == 1 { "image" } else { "images" };
        (self.images > 0).then(|| {
            format!(
                "{}{more} {images} of public/ asked of the app because of {}",
                self.images,
                first_of(&self.because_of)
            )
        })
    }
}

fn first_of(list: &[String]) -> String {
    let more = match list.len().saturating_sub(MOST_IN_LINE) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", list[..list.len().min(MOST_IN_LINE)].join(", "))
}

fn spoken(format: &str) -> String {
    match format {
        "webp" => "WebP".to_owned(),
        other => other.to_uppercase(),
    }
}

fn remote_of(build: &NextBuild) -> Vec<String> {
    let domains = build.domains.iter().map(|domain| format!("http(s)://{domain}/**"));
    build.remote_patterns.iter().map(remote).chain(domains).collect()
}

/// As `cuttle.toml` takes them.
fn remote_tables(build: &NextBuild) -> Vec<String> {
    let pattern = |NextRemotePattern { protocol, hostname, port, pathname, search }: &_| {
        table(&[
            ("protocol", protocol.as_deref()),
            ("hostname", Some(hostname)),
            ("port", port.as_deref()),
            ("pathname", pathname.as_deref()),
            ("search", search.as_deref()),
        ])
    };
    let domains = build.domains.iter().map(|domain| table(&[("hostname", Some(domain))]));
    build.remote_patterns.iter().map(pattern).chain(domains).collect()
}

fn local_table(NextLocalPattern { pathname, search }: &NextLocalPattern) -> String {
    table(&[("pathname", pathname.as_deref()), ("search", search.as_deref())])
}

fn table(parts: &[(&str, Option<&str>)]) -> String {
    let parts = parts.iter().filter_map(|(name, text)| Some(format!("{name} = {:?}", (*text)?)));
    format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
}

/// As it would stand in an address bar; what it leaves open is any.
fn remote(pattern: &NextRemotePattern) -> String {
    let NextRemotePattern { protocol, hostname, port, pathname, search } = pattern;
    let scheme = protocol.as_deref().map_or("http(s)", |scheme| scheme.trim_end_matches(':'));
    let port = match port.as_deref() {
        None | Some("") => String::new(),
        Some(port) => format!(":{port}"),
    };
    format!("{scheme}://{hostname}{port}{}", path(pathname.as_deref(), search.as_deref()))
}

fn local(NextLocalPattern { pathname, search }: &NextLocalPattern) -> String {
    path(pathname.as_deref(), search.as_deref())
}

fn path(pathname: Option<&str>, search: Option<&str>) -> String {
    let pathname = match pathname.unwrap_or("/**") {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    match search {
        None => pathname,
        Some("") => format!("{pathname} without a query"),
        Some(search) => format!("{pathname}{search}"),
    }
}
