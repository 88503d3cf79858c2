import torch

from fomm.config.training.paper import CommonParams, DiscriminatorParams
from fomm.geometry.keypoints import Keypoints
from fomm.networks.paper.discriminator import MultiScaleDiscriminator
from fomm.training.losses.critic import Critic

POINTS = Keypoints(torch.zeros(2, 3, 2))


def make_critic(**weights):
    torch.manual_seed(0)
    params = DiscriminatorParams(scales=(1.0, 0.5), block_expansion=4, num_blocks=2, use_kp=True)
    discriminator = MultiScaleDiscriminator(CommonParams(num_kp=3), params)
    return Critic(discriminator, **{"adversarial": 1.0, "feature_matching": (10.0, 10.0), **weights})


def test_own_loss_teaches_it_to_tell_real_from_made_up():
    critic = make_critic(learning_rate=2e-2)
    real, fake = torch.rand(2, 3, 32, 32), torch.full((2, 3, 32, 32), 0.5)
    losses = []
    for _ in range(10):
        loss = critic.own_losses(fake, real, POINTS)["discriminator"]
        critic.optimizer.zero_grad()
        loss.backward()
        critic.optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_gradients_go_to_the_side_that_learns():
    critic = make_critic()
    real, fake = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32, requires_grad=True)
    critic.own_losses(fake, real, POINTS)["discriminator"].backward()
    assert fake.grad is None
    sum(critic.generator_losses(fake, real, POINTS).values()).backward()
    assert fake.grad.abs().sum() > 0


def test_a_perfect_frame_has_no_feature_distance():
    real = torch.rand(2, 3, 32, 32)
    losses = make_critic().generator_losses(real.clone(), real, POINTS)
    assert losses["feature_matching"] == 0
    assert losses["adversarial"] > 0
    assert list(make_critic(adversarial=0.0).generator_losses(real, real, POINTS)) == ["feature_matching"]
