use proptest::prelude::*;

use super::*;

const TOPICS: [Topic; 1] = [Topic::Hits];

/// What a poll does.
fn ask(group: &mut GroupState, id: MemberId) -> Option<Event> {
    group.let_go(id);
    group.next_event(id).unwrap()
}

fn drain(group: &mut GroupState, id: MemberId) -> Vec<Event> {
    std::iter::from_fn(|| ask(group, id)).collect()
}

#[test]
fn a_second_member_gets_its_half_only_when_the_first_has_let_go() {
    let mut group = GroupState::new(4);
    let a = group.join(Some("a"), &TOPICS).unwrap();
    assert_eq!(drain(&mut group, a), [Event::Assigned(vec![0, 1, 2, 3])]);

    let b = group.join(Some("b"), &TOPICS).unwrap();
    assert_eq!(ask(&mut group, b), None);
    assert_eq!(ask(&mut group, a), Some(Event::Revoked(vec![2, 3])));
    group.begin_commit(a, [2].into_iter()).unwrap();
    group.end_commit(a);
    assert_eq!(ask(&mut group, b), None);

    assert_eq!(ask(&mut group, a), None);
    assert_eq!(ask(&mut group, b), Some(Event::Assigned(vec![2, 3])));
    assert!(matches!(group.begin_commit(a, [2].into_iter()), Err(BusError::Fenced(_))));
}

#[test]
fn who_leaves_gives_everything_back() {
    let mut group = GroupState::new(2);
    let (a, b) = (group.join(Some("a"), &TOPICS).unwrap(), group.join(Some("b"), &TOPICS).unwrap());
    assert_eq!(drain(&mut group, a), [Event::Assigned(vec![0])]);
    group.leave(a);
    assert_eq!(drain(&mut group, b), [Event::Assigned(vec![0, 1])]);
}

#[test]
fn a_commit_that_was_begun_ends_before_the_next_instance_takes_over() {
    let mut group = GroupState::new(1);
    let old = group.join(Some("a"), &TOPICS).unwrap();
    drain(&mut group, old);
    group.begin_commit(old, [0].into_iter()).unwrap();

    let new = group.join(Some("a"), &TOPICS).unwrap();
    assert_eq!(ask(&mut group, new), None);
    group.end_commit(old);
    assert_eq!(ask(&mut group, new), Some(Event::Assigned(vec![0])));
    assert!(matches!(group.next_event(old), Err(BusError::Fenced(_))));
    assert!(matches!(group.begin_commit(old, [].into_iter()), Err(BusError::Fenced(_))));
    group.leave(old);
    group.begin_commit(new, [0].into_iter()).unwrap();
}

#[test]
fn an_instance_that_comes_back_gets_the_partitions_that_it_had() {
    let mut group = GroupState::new(4);
    let ids: Vec<_> = ["a", "b"].iter().map(|name| group.join(Some(name), &TOPICS).unwrap()).collect();
    let had: Vec<_> = ids.iter().map(|&id| drain(&mut group, id)).collect();
    let back = group.join(Some("a"), &TOPICS).unwrap();
    assert_eq!(drain(&mut group, back), had[0]);
    assert_eq!(drain(&mut group, ids[1]), []);
}

#[test]
fn members_of_one_group_must_agree_on_its_topics() {
    let mut group = GroupState::new(1);
    let a = group.join(Some("a"), &TOPICS).unwrap();
    assert!(matches!(group.join(Some("b"), &[Topic::Late]), Err(BusError::Refused(_))));
    group.leave(a);
    group.join(Some("b"), &[Topic::Late]).unwrap();
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Join(u8),
    Leave(u8),
    Ask(u8),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let who = 0u8..5;
    let one = prop_oneof![
        who.clone().prop_map(Move::Join),
        who.clone().prop_map(Move::Leave),
        who.clone().prop_map(Move::Ask),
        who.prop_map(Move::Ask),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    /// However members come, go and ask: no partition is ever in two hands, and when all have asked often
    /// enough, each partition is in exactly one, in equal shares.
    #[test]
    fn each_partition_is_in_one_hand(partitions in 1u32..9, moves in moves()) {
        let mut group = GroupState::new(partitions);
        // Who believes to own what, from the events alone. A member told of a loss keeps it until it asks again.
        let mut held: HashMap<u8, (MemberId, Vec<u32>, Vec<u32>)> = HashMap::new();
        let poll = |group: &mut GroupState, held: &mut HashMap<u8, (MemberId, Vec<u32>, Vec<u32>)>, who: u8| {
            let Some((id, owned, leaving)) = held.get_mut(&who) else { return };
            owned.retain(|partition| !leaving.contains(partition));
            leaving.clear();
            match ask(group, *id) {
                Some(Event::Assigned(new)) => owned.extend(new),
                Some(Event::Revoked(lost)) => leaving.extend(lost),
                None => {}
            }
        };
        for step in moves {
            match step {
                Move::Join(who) => {
                    let id = group.join(Some(&who.to_string()), &TOPICS).unwrap();
                    held.insert(who, (id, Vec::new(), Vec::new()));
                }
                Move::Leave(who) => if let Some((id, ..)) = held.remove(&who) {
                    group.leave(id);
                },
                Move::Ask(who) => poll(&mut group, &mut held, who),
            }
            let mut all: Vec<_> = held.values().flat_map(|(_, owned, _)| owned.clone()).collect();
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), count, "a partition is in two hands");
        }
        for _ in 0..3 {
            for who in 0..5 {
                poll(&mut group, &mut held, who);
            }
        }
        if !held.is_empty() {
            let sizes: Vec<_> = held.values().map(|(_, owned, _)| owned.len()).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), partitions as usize);
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }
}
