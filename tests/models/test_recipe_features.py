"""What the network is trained on is what Kaldi gives it to hear."""

import numpy as np
import pytest

from models.recipe.features import BINS, HIGH_HZ, LOW_HZ, log_mel

RATE_HZ = 8000


def test_features_are_kaldis() -> None:
    kaldi = pytest.importorskip("kaldi_native_fbank", reason="kaldi-native-fbank is not installed: make .venv/.dev")
    options = kaldi.FbankOptions()
    options.frame_opts.samp_freq, options.frame_opts.dither, options.frame_opts.window_type = RATE_HZ, 0, "povey"
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = BINS, LOW_HZ, HIGH_HZ
    options.use_energy = False
    theirs = kaldi.OnlineFbank(options)
    sound = (np.random.default_rng(0).standard_normal(2 * RATE_HZ) * 3000).astype(np.float32)
    theirs.accept_waveform(RATE_HZ, sound.tolist())
    theirs.input_finished()
    expected = np.array([theirs.get_frame(number) for number in range(theirs.num_frames_ready)])
    np.testing.assert_allclose(log_mel(sound), expected, atol=1e-3)
