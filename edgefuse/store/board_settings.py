"""What a release changes for a kind of board: operating points, and limits of temperature, which it can only lower."""

from __future__ import annotations

import msgspec

from edgefuse.config.profile import OperatingPoint, Profile, Trip


class BoardSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """In place of what the profile says; whatever is left out stays."""

    ladder: tuple[OperatingPoint, ...] = ()
    """All rows."""
    trips: tuple[Trip, ...] = ()
    """By zone; where the profile's own limit is lower, that one holds."""

    def fit(self, profile: Profile) -> Profile:
        """Give a profile as the release wants it."""
        brought = {trip.zone: trip for trip in self.trips}
        trips = tuple(min(trip, brought.get(trip.zone, trip), key=lambda trip: trip.enter_c) for trip in profile.trips)
        return msgspec.structs.replace(profile, ladder=self.ladder or profile.ladder, trips=trips)


Boards = dict[str, BoardSettings]
"""By profile."""


def fit_profile(profile: Profile, boards: Boards) -> Profile:
    """Give a profile as a release wants it; those that it does not name stay as they are."""
    return boards[profile.id].fit(profile) if profile.id in boards else profile
