use proptest::prelude::*;

use super::*;

fn page(time: i64, path: &str) -> PageRef<'_> {
    PageRef {
        time: Timestamp::from_millis(time),
        offset: Offset(time + 1000),
        path: path.as_bytes(),
        title: (time % 2 == 0).then_some(b"t"),
    }
}

#[test]
fn pages_keep_their_place_when_one_is_replaced() {
    let mut pages = KeyAndPages::new(b"site/visitor", 0);
    for (time, path) in [(5, "/a"), (-7, "/long/path"), (6, "")] {
        pages.push(page(time, path));
    }
    assert_eq!(pages.last().map(|(index, _)| index), Some(2));
    pages.replace(1, page(3, "/b"));
    assert_eq!(pages.pages().collect::<Vec<_>>(), [page(5, "/a"), page(3, "/b"), page(6, "")]);
    assert_eq!((pages.key(), pages.page_count()), (&b"site/visitor"[..], 3));
    let whole = pages.leave(None);
    pages.put_key(whole.key(), false);
    assert_eq!((whole.key(), whole.page_count()), (&b"site/visitor"[..], 3));
    assert_eq!((pages.key(), pages.pages().count(), pages.page_count()), (&b"site/visitor"[..], 0, 0));
}

#[test]
fn pages_are_counted_beside_what_is_known_of_them() {
    let mut pages = KeyAndPages::absent();
    pages.put_key(b"site/visitor", true);
    (0..MAX_PAGES as i64).for_each(|time| pages.push(page(time, "/a")));
    assert!(pages.is_plain() && pages.page_count() == MAX_PAGES);
    pages.forget_plain();
    assert!(!pages.is_plain() && pages.page_count() == MAX_PAGES);
    assert!(!KeyAndPages::new(b"site/visitor", 0).is_plain());
}

#[test]
fn the_longest_key_is_kept_beside_what_is_known_of_the_pages_order() {
    let key = [b'k'; 257];
    let mut pages = KeyAndPages::new(&key, 0);
    pages.push(page(5, "/a"));
    assert!(pages.is_ordered());
    pages.forget_order();
    pages.push(page(4, "/b"));
    assert!(!pages.is_ordered() && pages.key() == key && pages.pages().count() == 2);
    pages.put_key(&key, false);
    assert!(pages.is_ordered() && pages.key() == key && pages.pages().count() == 0);
}

#[test]
fn a_key_and_three_ordinary_pages_are_small() {
    let mut pages = KeyAndPages::new(b"shop.example/v0123456789ab", 0);
    (0..3).for_each(|n| pages.push(page(1_793_577_600_000 + n * 30_000, "/products/1234")));
    assert!(pages.0.capacity() < 140, "{}", pages.0.capacity());
}

/// RFC 3339 knows the years 0 to 9999, in milliseconds since 1970.
const TIMES: std::ops::Range<i64> = -62_167_219_200_000..253_402_300_800_000;

proptest! {
    #[test]
    fn a_page_takes_no_more_than_was_reserved(
        time in TIMES, offset in prop_oneof![0i64.., 0i64..1000], path in 0usize..=1024, title in prop::option::of(0usize..=256)
    ) {
        let text = vec![b'x'; 1024];
        let (path, title) = (&text[..path], title.map(|title| &text[..title]));
        let page = PageRef { time: Timestamp::from_millis(time), offset: Offset(offset), path, title };
        let mut encoded = Vec::with_capacity(encoded_len(page));
        let capacity = encoded.capacity();
        encode(&mut encoded, page);
        prop_assert_eq!(encoded.capacity(), capacity);
        prop_assert_eq!(decode(&mut &encoded[..]), page);
    }
}
