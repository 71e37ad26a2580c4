//! From a configuration with a build to a release: its rules, its endpoint, its files in front of the servers that outlive it.

use std::sync::Arc;

use cuttle_contract::disposition::Disposition;
use cuttle_contract::{NextBuild, Rules};
use cuttle_pipeline::{Application, Endpoint, Machine, SiteParts};
use cuttle_server::{NextEndpoint, Release, ReleaseParts};
use cuttle_source::{Coverage, Folder, FolderError, Mount};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};

use crate::configuration::ConfiguredApp;
use crate::origins::{self, Servers};

/// What the releases of one application share.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) machine: Machine,
    pub(crate) application: Application,
    pub(crate) servers: Servers,
    /// The folder, where it is one that is served.
    pub(crate) folder: Option<Arc<Folder>>,
    /// Bytes of the largest original that memory was divided for.
    pub(crate) largest: u64,
    /// Whether we send its static files.
    pub(crate) static_files: bool,
}

impl Assembly {
    /// The release of this build, whose files are read but for what `coverage` covers; none of them without one. Of a build that is
    /// not `whole`, they are read for images alone.
    ///
    /// # Errors
    /// `public/` is there and cannot be read.
    pub(crate) fn release(
        &mut self,
        configured: &ConfiguredApp,
        rules: &Arc<Rules>,
        coverage: Option<&Coverage>,
        [settled, whole]: [bool; 2],
    ) -> Result<Release, FolderError> {
        let project = configured.project.as_ref();
        let public =
            project.zip(coverage).map(|(project, coverage)| project.mount(coverage.clone()));
        let public = public.transpose()?.flatten();
        let own = |folder: &Arc<Folder>| Mount::new("", Arc::clone(folder), Coverage::nothing());
        let mounts = public.into_iter().chain(self.folder.as_ref().map(own));
        let [next, strict] = origins::limits(configured, self.largest);
        let site = self.machine.site(SiteParts {
            application: self.application.clone(),
            origins: self.servers.of(configured).with_mounts(mounts),
            next: Endpoint::next(rules, next),
            strict: Endpoint::strict(rules, strict),
            stale_while_revalidate: rules.stale_while_revalidate(),
            stale_if_error: rules.stale_if_error(),
            unsettled: !settled,
        });
        let files = project.zip(coverage).filter(|_| self.static_files && whole);
        let files = files.map(|(project, coverage)| project.static_files(coverage.clone()));
        Ok(Release::new(ReleaseParts {
            files: files.map(Arc::new),
            rules: Arc::clone(rules),
            next: endpoint(configured),
            names: project.map_or_else(Vec::new, |project| project.releases.clone()),
            site,
        }))
    }
}

fn endpoint(configured: &ConfiguredApp) -> Option<NextEndpoint> {
    let Some(build) = configured.build() else {
        if configured.development.is_some() {
            return None;
        }
        let path = format!("{}/_next/image", configured.app().keys.prefix.as_str());
        return Some(NextEndpoint { path, ..NextEndpoint::default() });
    };
    let NextBuild { base_path, content_security_policy, attachment, endpoint, .. } = build;
    let policy = HeaderValue::from_str(content_security_policy);
    endpoint.then(|| NextEndpoint {
        path: format!("{base_path}/_next/image"),
        policy: policy.unwrap_or_else(|_| NextEndpoint::default().policy),
        shown: if *attachment { Disposition::Attachment } else { Disposition::Inline },
        headers: headers(configured),
    })
}

/// What every answer of the endpoint has beside its own.
fn headers(configured: &ConfiguredApp) -> HeaderMap {
    match (&configured.project, &configured.development) {
        (Some(project), _) => project.headers.applied.clone(),
        // A picture that was changed shows at once.
        (None, Some(_)) => {
            HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))])
        }
        (None, None) => HeaderMap::new(),
    }
}
