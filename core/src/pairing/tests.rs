//! Codes one rule at a time, then over random histories.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const NOW: Moment = Moment::START;

fn code(number: u8) -> Code {
    Code::from_random([0, 0, 0, 0, number])
}

#[test]
fn a_code_reads_as_it_is_written_and_as_people_type_it() {
    let code = Code::from_random([0xff, 0x00, 0x44, 0x32, 0x10]);
    assert_eq!(code.to_string(), "ZW04-8CGG");
    for text in ["ZW04-8CGG", " zw048cgg\n", "/start ZW048CGG", "/start@our_bot zw04 8cgg", "ZWO4-8CGG"] {
        assert_eq!(Code::read(text), Some(code), "{text}");
    }
    assert_eq!(Code::read("iLo0-1111"), Code::read("1100-1111"));
}

#[test]
fn what_is_no_code_is_none() {
    let long = "A".repeat(65);
    for text in ["", "/start", "ZW04-8CG", "ZW04-8CGG0", "ZW04-8CGU", "/zw048cgg", "please ZW048CGG", &long] {
        assert_eq!(Code::read(text), None, "{text}");
    }
}

#[test]
fn a_code_is_not_in_what_is_logged() {
    let mut book = Book::default();
    book.issue(Code::from_random([7; 5]), NOW).unwrap();
    let written = Code::from_random([7; 5]).to_string();
    assert!(!format!("{book:?}").contains(&written[..4]));
}

#[test]
fn only_a_few_codes_are_open_and_each_once() {
    let mut book = Book::default();
    let open: Vec<_> = (0..3).map(|number| book.issue(code(number), NOW).unwrap()).collect();
    assert_eq!(book.issue(code(3), NOW), None);
    book.withdraw(open[1].ticket);
    assert_eq!(book.issue(code(0), NOW), None, "it is open");
    assert!(book.issue(code(3), NOW).is_some());
    assert_eq!(book.redeem("ada", code(1), NOW), None, "it was withdrawn");
    assert!(book.issue(code(9), NOW + CODE_LIFE).is_some(), "the others are over");
}

#[test]
fn a_code_whose_use_came_to_nothing_can_be_used_again() {
    let mut book = Book::default();
    book.issue(code(1), NOW).unwrap();
    let used = book.redeem("ada", code(1), NOW).unwrap();
    assert_eq!(book.redeem("ben", code(1), NOW), None);
    book.restore(used);
    assert!(book.is_open(code(1), NOW));
    assert_eq!(book.redeem("ada", code(1), NOW), Some(used));
}

#[test]
fn a_sender_who_guesses_too_often_is_not_looked_at_for_a_while_and_others_are() {
    let mut book = Book::default();
    book.issue(code(1), NOW).unwrap();
    for _ in 0..MAX_MISSES_EACH {
        assert_eq!(book.redeem("mallory", code(2), NOW), None);
    }
    assert_eq!(book.redeem("mallory", code(1), NOW), None, "although it is right");
    assert!(book.redeem("ada", code(1), NOW).is_some());
    let later = NOW + MISS_WINDOW;
    book.issue(code(3), later).unwrap();
    assert!(book.redeem("mallory", code(3), later).is_some());
}

#[test]
fn what_is_sent_while_no_code_is_open_uses_nobodys_tries_up() {
    let mut book = Book::default();
    for _ in 0..1000 {
        assert_eq!(book.redeem("ada", code(2), NOW), None);
    }
    book.issue(code(1), NOW).unwrap();
    assert!(book.redeem("ada", code(1), NOW).is_some());
}

#[derive(Debug, Clone)]
enum Step {
    Issue(u8),
    Withdraw(usize),
    Try(u8, u8),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..6u8).prop_map(Step::Issue),
        1 => (0..8usize).prop_map(Step::Withdraw),
        8 => (0..40u8, 0..6u8).prop_map(|(sender, code)| Step::Try(sender, code)),
        1 => (0..400u16).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No code is accepted twice, none that wasn't issued, none after its time; and in any window no more wrong
    /// ones are looked at than the caps say.
    #[test]
    fn codes_are_good_once_and_in_their_time_and_guesses_are_capped(
        steps in prop::collection::vec(step(), 1..600)
    ) {
        let (mut book, mut now) = (Book::default(), NOW);
        let mut issued: Vec<(OpenCode, bool)> = Vec::new();
        let mut looked: Vec<(Moment, u8)> = Vec::new();
        for step in steps {
            let valid = |issued: &[(OpenCode, bool)], now: Moment| {
                issued.iter().filter(|(open, alive)| *alive && now < open.until).count()
            };
            match step {
                Step::Wait(seconds) => now = now + Duration::from_secs(seconds.into()),
                Step::Issue(number) => {
                    if let Some(open) = book.issue(code(number), now) {
                        issued.push((open, true));
                    }
                    prop_assert!(valid(&issued, now) <= MAX_OPEN);
                }
                Step::Withdraw(place) => {
                    if let Some((open, alive)) = issued.get_mut(place) {
                        book.withdraw(open.ticket);
                        *alive = false;
                    }
                }
                Step::Try(sender, number) => {
                    let before = book.misses.len();
                    match book.redeem(&sender.to_string(), code(number), now) {
                        Some(used) => {
                            let known = issued.iter_mut().find(|(open, _)| open.ticket == used.ticket);
                            let (open, alive) = known.unwrap();
                            prop_assert!(*alive && now < open.until && open.code == code(number));
                            *alive = false;
                        }
                        None if book.misses.len() > before => looked.push((now, sender)),
                        None => {}
                    }
                }
            }
            let recent = looked.iter().filter(|(at, _)| now.since(*at) < MISS_WINDOW);
            let mut each: HashMap<u8, usize> = HashMap::new();
            recent.clone().for_each(|(_, sender)| *each.entry(*sender).or_default() += 1);
            prop_assert!(recent.count() <= MAX_MISSES);
            prop_assert!(each.values().all(|count| *count <= MAX_MISSES_EACH));
        }
    }
}
