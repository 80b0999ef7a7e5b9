//! What kind of device a user agent names.

/// What kind of device it is. A bot has the device that it poses as.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Device {
    /// A computer.
    Desktop,
    /// A telephone.
    Mobile,
    /// A tablet or reader.
    Tablet,
    /// A television or what is plugged into one.
    Tv,
    /// Anything else, and what names no device: feed readers, scripts, most bots.
    Other,
}

/// Words of televisions, boxes and sticks.
const TV: [&str; 15] = [
    "SMART-TV",
    "SmartTV",
    "Smart TV",
    "SMART TV",
    "HbbTV",
    "GoogleTV",
    "Google TV",
    "Android TV",
    "AppleTV",
    "Apple TV",
    "Roku",
    "CrKey",
    "BRAVIA",
    "NetCast",
    "; AFT",
];
/// Words of tablets and readers. (`Tablet PC 2.0` is a part of Windows 7, on computers too.)
const TABLET: [&str; 6] = ["iPad", "Tablet;", "Kindle", "Silk/", "PlayBook", "Nook"];
/// Words of telephones and of browsers made for them.
const MOBILE: [&str; 12] = [
    "iPhone",
    "iPod",
    "Mobile",
    "Mobi",
    "Windows Phone",
    "IEMobile",
    "BlackBerry",
    "BB10",
    "Opera Mini",
    "J2ME",
    "MIDP",
    "Symbian",
];
/// The families of systems, as uap-core names them, that run on computers.
const DESKTOP: [&str; 25] = [
    "Windows",
    "Mac OS X",
    "Mac OS",
    "Linux",
    "Ubuntu",
    "Debian",
    "Fedora",
    "Red Hat",
    "CentOS",
    "SUSE",
    "Mint",
    "Gentoo",
    "Arch Linux",
    "Slackware",
    "Mageia",
    "Mandriva",
    "Kubuntu",
    "Chrome OS",
    "FreeBSD",
    "OpenBSD",
    "NetBSD",
    "Solaris",
    "PCLinuxOS",
    "Lubuntu",
    "VRE",
];

impl Device {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Desktop, Self::Mobile, Self::Tablet, Self::Tv, Self::Other];

    /// The name in records and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Tv => "tv",
            Self::Other => "other",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.as_str() == name)
    }

    /// The rules, in this order: a television's word; a tablet's; a browser on Android that does not say `Mobile`
    /// is a tablet's, an app that does not is a telephone's, as most are; a telephone's word or system; a
    /// computer's system.
    pub(super) fn of(user_agent: &str, os: Option<&str>) -> Self {
        let is_android = os == Some("Android");
        let says = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
        let is_android_tablet = is_android && user_agent.starts_with("Mozilla/") && !user_agent.contains("Mobi");
        if says(&TV) {
            Self::Tv
        } else if says(&TABLET) || is_android_tablet {
            Self::Tablet
        } else if says(&MOBILE) || is_android || os == Some("iOS") {
            Self::Mobile
        } else if os.is_some_and(|os| DESKTOP.contains(&os)) {
            Self::Desktop
        } else {
            Self::Other
        }
    }
}
