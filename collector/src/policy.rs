//! What sites ask of the edge. A hit and what its request says beside it go in; it comes out kept, changed, or refused with a
//! reason.
//!
//! [`Rules`] are one reading of `sites.toml`, and [`Policy`] is the newest of them. [`Facts`] are what a request says beside its
//! body. A [`Ruling`] is what the rules make of a request for one site: found once, and then held against each of its hits.

mod cookie;
mod cors;
mod facts;
mod file;
mod forwarded;
mod places;
mod rules;
mod ruling;
mod salts;
mod schemas;
mod watch;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use bus::SharedBus;
use hyper::{HeaderMap, Uri};
use service::{Clock, PolicyArgs};
use sites::{Networks, Sites};

pub(crate) use cors::Cors;
pub use facts::{Facts, Signals};
pub use file::SitesError;
use places::PlacesFile;
pub use places::{Place, Places, PlacesError};
pub use rules::Rules;
pub use ruling::{Moment, Ruling};
pub use salts::Salts;
pub(crate) use salts::sharing::Sharing;

/// What holds at this moment. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Arc<ArcSwap<Rules>>,
    /// The file of the sites; none: any site is taken.
    file: Option<Arc<PathBuf>>,
    /// Proxies that are believed when they say whom they speak for.
    proxies: Arc<Networks>,
    places: Option<Arc<PlacesFile>>,
    salts: Arc<Salts>,
}

/// Why the settings of the policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file of the sites.
    #[error(transparent)]
    Sites(#[from] SitesError),
    /// The database of places.
    #[error(transparent)]
    Places(#[from] PlacesError),
}

impl Policy {
    /// Any site, as it comes.
    pub fn any() -> Self {
        Self::of(Rules::new(Sites::any()))
    }

    /// These rules, for good.
    pub fn of(rules: Rules) -> Self {
        Self {
            rules: Arc::new(ArcSwap::from_pointee(rules)),
            file: None,
            proxies: Arc::default(),
            places: None,
            salts: Arc::default(),
        }
    }

    /// What the settings say.
    ///
    /// # Errors
    ///
    /// Where a file cannot be used.
    pub fn open(args: &PolicyArgs) -> Result<Self, PolicyError> {
        let rules = args.sites.as_deref().map(file::read).transpose()?;
        let places = args.geoip.as_deref().map(PlacesFile::open).transpose()?;
        Ok(Self {
            file: args.sites.clone().map(Arc::new),
            proxies: Arc::new(args.trusted_proxies.clone().unwrap_or_default()),
            places: places.map(Arc::new),
            ..Self::of(rules.unwrap_or_else(|| Rules::new(Sites::any())))
        })
    }

    /// What a request says beside its body: who sent it is the peer, or whom a trusted proxy speaks for.
    pub(crate) fn facts<'r>(&self, peer: IpAddr, uri: &'r Uri, headers: &'r HeaderMap) -> Facts<'r> {
        let address = forwarded::client(peer, headers, &self.proxies);
        let place = self.places.as_ref().map_or_else(Place::default, |places| places.find(address));
        Facts { place, ..Facts::of(address, uri, headers) }
    }

    /// What agrees with the other collectors on what visitors are told apart by; none without a file of sites, which says which
    /// site wants that. All who have one take part, so that a file may be changed at any time.
    pub(crate) fn sharing(&self, bus: SharedBus, clock: Clock) -> Option<Sharing> {
        self.file.is_some().then(|| Sharing::new(self.salts.clone(), bus, clock))
    }

    /// What visitors are told apart by where nothing is kept in their browsers.
    pub(crate) fn salts(&self) -> &Salts {
        &self.salts
    }

    /// The rules of this moment.
    pub fn rules(&self) -> Guard<Arc<Rules>> {
        self.rules.load()
    }
}
