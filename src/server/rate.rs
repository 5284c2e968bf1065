//! How often a client may ask.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use super::policy::Treatment;

/// So many requests in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests that are served in `period`, also all at once.
    pub requests: NonZeroU32,
    /// The time after which as many are served again.
    pub period: Duration,
}

/// Limits each client to a rate, as `limited kod` of ntp.org's ntpd does: the first request in excess gets the kiss
/// code `RATE`, more get nothing until the client has been quiet for the whole period.
///
/// A client is an IPv4 address, or 64 bits of an IPv6 address. The one that was let in first makes room, unless it
/// asked since: then it is put behind the others.
#[derive(Clone, Debug)]
pub struct RateLimit {
    rate: Rate,
    most: usize,
    clients: HashMap<IpAddr, Account>,
    order: VecDeque<IpAddr>,
}

/// What a client has left.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Nanoseconds that its requests may take; a request takes its part of the period.
    credit: u128,
    /// When that was.
    at: Duration,
    was_kissed: bool,
    asked_again: bool,
}

impl RateLimit {
    /// Limits to `rate` and keeps account of `most` clients.
    pub fn new(rate: Rate, most: usize) -> RateLimit {
        RateLimit { rate, most, clients: HashMap::new(), order: VecDeque::new() }
    }

    /// Takes a request of `client` at `now`, a time since whenever.
    pub fn treat(&mut self, client: IpAddr, now: Duration) -> Treatment {
        let client = network(client);
        let full = self.rate.period.as_nanos();
        let price = full / u128::from(self.rate.requests.get());
        if !self.clients.contains_key(&client) {
            self.let_in(client, Account { credit: full, at: now, was_kissed: false, asked_again: false });
        }
        let Some(account) = self.clients.get_mut(&client) else { return Treatment::Serve };
        let elapsed = now.saturating_sub(account.at).as_nanos();
        account.credit = account.credit.saturating_add(elapsed).min(full);
        account.asked_again |= account.at != now;
        account.at = account.at.max(now);
        account.was_kissed &= account.credit < full;
        if account.credit >= price && !account.was_kissed {
            account.credit -= price;
            return Treatment::Serve;
        }
        match std::mem::replace(&mut account.was_kissed, true) {
            false => Treatment::Kiss(*b"RATE"),
            true => {
                // Whoever goes on asking is not forgiven meanwhile.
                account.credit = 0;
                Treatment::Ignore
            }
        }
    }

    fn let_in(&mut self, client: IpAddr, account: Account) {
        // Each client is put behind the others once at most, so this ends.
        while self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            match self.clients.get_mut(&oldest) {
                Some(known) if known.asked_again => {
                    known.asked_again = false;
                    self.order.push_back(oldest);
                }
                _ => {
                    self.clients.remove(&oldest);
                }
            }
        }
        self.clients.insert(client, account);
        self.order.push_back(client);
    }
}

/// The address, and of IPv6 its first half: whoever has one address there has them all.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KISS: Treatment = Treatment::Kiss(*b"RATE");

    fn limit(requests: u32, most: usize) -> RateLimit {
        let requests = NonZeroU32::new(requests).unwrap();
        RateLimit::new(Rate { requests, period: Duration::from_secs(1) }, most)
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn serves_then_kisses_once_then_ignores() {
        let mut limit = limit(2, 10);
        let treated = [0, 1, 2, 3, 4].map(|at| limit.treat(client(1), ms(at)));
        assert_eq!(treated, [Treatment::Serve, Treatment::Serve, KISS, Treatment::Ignore, Treatment::Ignore]);
        assert_eq!(limit.treat(client(2), ms(4)), Treatment::Serve);
    }

    #[test]
    fn forgives_after_a_quiet_period() {
        let mut limit = limit(1, 10);
        assert_eq!(limit.treat(client(1), ms(0)), Treatment::Serve);
        assert_eq!(limit.treat(client(1), ms(500)), KISS);
        assert_eq!(limit.treat(client(1), ms(900)), Treatment::Ignore);
        assert_eq!(limit.treat(client(1), ms(1899)), Treatment::Ignore);
        assert_eq!(limit.treat(client(1), ms(2899)), Treatment::Serve);
    }

    #[test]
    fn never_limits_a_client_at_its_rate() {
        let mut limit = limit(4, 10);
        assert!((0..100).all(|count| limit.treat(client(1), ms(count * 250)) == Treatment::Serve));
    }

    #[test]
    fn takes_sixty_four_bits_of_ipv6_for_one_client() {
        let mut limit = limit(1, 10);
        assert_eq!(limit.treat("2001:db8::1".parse().unwrap(), ms(0)), Treatment::Serve);
        assert_eq!(limit.treat("2001:db8::2".parse().unwrap(), ms(0)), KISS);
        assert_eq!(limit.treat("2001:db8:0:1::1".parse().unwrap(), ms(0)), Treatment::Serve);
    }

    #[test]
    fn keeps_account_of_so_many_clients_and_of_those_that_ask_on() {
        let mut limit = limit(1, 2);
        limit.treat(client(1), ms(0));
        limit.treat(client(2), ms(1));
        assert_eq!(limit.treat(client(1), ms(2)), KISS);
        limit.treat(client(3), ms(3));
        assert_eq!(limit.clients.len(), 2);
        assert_eq!(limit.treat(client(1), ms(4)), Treatment::Ignore);
        assert_eq!(limit.treat(client(2), ms(5)), Treatment::Serve);
    }
}
