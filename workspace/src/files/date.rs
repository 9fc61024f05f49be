//! The time of a file as archives write it: calendar fields of 1980 to 2107, here in UTC, since an archive doesn't say
//! whose clock it means (PKWARE APPNOTE, 4.4.6).

use zip::DateTime;

/// 1980-01-01, in seconds since 1970.
const EPOCH_S: i64 = 315_532_800;

const LAST_YEAR: u16 = 2107;

const DAY_S: u64 = 24 * 60 * 60;

/// Returns a time in seconds since 1970 as an archive's; `None` when it is none that can be written.
pub(super) fn date(seconds: i64) -> Option<DateTime> {
    let since = u64::try_from(seconds.checked_sub(EPOCH_S)?).ok()?;
    let (mut days, within) = (since / DAY_S, since % DAY_S);
    let mut year = 1980;
    while days >= year_days(year) {
        days -= year_days(year);
        year += 1;
        if year > LAST_YEAR {
            return None;
        }
    }
    let mut month = 1;
    while days >= month_days(year, month) {
        days -= month_days(year, month);
        month += 1;
    }
    let field = |value: u64| u8::try_from(value).ok();
    let (hour, minute, second) = (field(within / 3600)?, field(within / 60 % 60)?, field(within % 60)?);
    DateTime::from_date_and_time(year, month, field(days + 1)?, hour, minute, second).ok()
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_days(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_days(year: u16, month: u8) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seconds: i64) -> Option<String> {
        date(seconds).map(|date| date.to_string())
    }

    #[test]
    fn a_time_is_written_as_its_day_and_hour() {
        for (seconds, wanted) in [
            (EPOCH_S, "1980-01-01 00:00:00"),
            (951_782_398, "2000-02-28 23:59:58"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_709_164_800, "2024-02-29 00:00:00"),
            (1_735_689_598, "2024-12-31 23:59:58"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(shown(seconds).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn a_time_that_archives_do_not_know_is_left_out() {
        for seconds in [i64::MIN, 0, EPOCH_S - 1, 4_354_819_200, i64::MAX] {
            assert_eq!(shown(seconds), None);
        }
    }
}
