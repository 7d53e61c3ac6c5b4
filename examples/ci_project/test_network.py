"""What this project's network must do on its chip: learn, with the bits of the reference, within budgets.

The fixture `wagekit_device` comes with wagekit. Each test boots the firmware in QEMU, or uses a chip that
a fixture has booted for the whole file.
"""

import pytest

STEPS = 240


@pytest.fixture(scope="module")
def learned(wagekit_device):
    """The chip after its training, which several tests look at."""
    device = wagekit_device("network.toml", on="qemu:mps2-an386", data="digits", steps=STEPS)
    device.assert_curve({60: 0.20, STEPS: 0.70})
    return device


def test_it_learns(learned):
    learned.assert_accuracy(0.70)


def test_it_learns_the_bits_of_the_reference(learned):
    learned.assert_equal("reference")


def test_nothing_changed_unnoticed(learned):
    """A new version of wagekit or of the description that changes any weight is seen here."""
    learned.assert_digest("567149cabb78eac36927fabbd882b548d713f855ab321c2985b83e57c625a137")


def test_it_fits(wagekit_device):
    device = wagekit_device("network.toml", samples=16)  # room for 16 samples on the chip
    device.assert_ram(at_most=48 * 1024)
    device.assert_flash(at_most=40 * 1024)


def test_it_is_fast_enough(wagekit_device):
    """Instructions depend on the compiler too: leave some room."""
    device = wagekit_device("network.toml", steps=12, icount=True).train()
    device.assert_instructions(per_sample=340_000, per_inference=210_000)
